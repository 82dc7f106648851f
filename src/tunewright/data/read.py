"""A source as the user wrote it to a raw table: a file, a folder, or a data set on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.core.files import digest, resolve_path
from tunewright.core.rows import Finding, SplitName  # noqa: TC001  # a type of the frozen record below
from tunewright.data.archives import unpacked
from tunewright.data.class_files import class_files, read_class_files
from tunewright.data.columnar import read_arrow, read_parquet, read_saved_dataset
from tunewright.data.csv_table import read_csv
from tunewright.data.decode import decode
from tunewright.data.documents import read_docx, read_html, read_pdf
from tunewright.data.entries import file_bytes, require_entry
from tunewright.data.folders import is_saved_dataset, split_files, split_folders
from tunewright.data.formats import EXPECTED, RAW, TEXT, binary_format, ending_of, text_format
from tunewright.data.frame import LINE
from tunewright.data.hub import HUB, fetch
from tunewright.data.json_document import read_json
from tunewright.data.json_table import read_jsonl
from tunewright.data.nested import unnested
from tunewright.data.nested_columns import with_paths
from tunewright.data.text_blocks import read_text
from tunewright.data.workbook import read_workbook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.recipe.data import DataSpec


NUMBERED = frozenset({"parquet", "arrow", "xlsx", "docx", "pdf", "dataset", "json"})
"""Formats whose records may have no line of their own."""

Held = TypeVar("Held")

DOCUMENT = "document_id"
"""Column with the file of each record, where a folder of documents is read."""
LOOKED_THROUGH = 5_000
"""Names of a folder that are compared with one that is not there."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """Records as their file has them, unread as types where the file is CSV."""

    frame: pl.DataFrame
    """One row a record; `__line__` is the line from 1 where it begins (its number, where a format has no lines)."""
    source: str
    """The name shown to people, as the user wrote it; with ` [split]` where the source holds several splits."""
    format: str
    encoding: str
    """The encoding it was read with; empty for binary formats."""
    sha256: str
    """Of the file's bytes; of its files' names and hashes for a folder."""
    parts: tuple[SplitName, ...] = ()
    """The splits that the source itself holds, where it holds several."""
    files: Mapping[SplitName, tuple[str, ...]] = field(default_factory=dict)
    """The files of a folder by the split that each is taken for, this one's and the others; empty for a single file."""
    unused: tuple[str, ...] = ()
    """Data files of a folder that no split takes."""
    remarks: tuple[Finding, ...] = ()
    """What of the file its records do not show, such as other sheets."""

    @property
    def numbered(self) -> bool:
        """Whether `__line__` counts records: of binary files, and of a JSON document with several on one line."""
        if self.format not in NUMBERED:
            return False
        lines = self.frame[LINE]
        return bool((lines == pl.int_range(1, len(lines) + 1, eager=True)).all())


BINARY: Mapping[str, Callable[..., pl.DataFrame]] = {
    "parquet": read_parquet,
    "arrow": read_arrow,
    "docx": read_docx,
    "pdf": read_pdf,
}
"""Format that is not text to its reader; a workbook's is told the sheet."""


def read_table(
    source: str, *, folder: Path, spec: DataSpec, part: SplitName = "train", local_only: bool = False
) -> RawTable:
    """The records of one source; relative paths refer to `folder`.

    `part` is the split taken where the source itself holds several; `local_only` reads a hub data set from the hub's
    cache or not at all. Raises DataError for a file that is missing,
    empty, broken or of another format than it says, listing every fault; RecipeError for a wrong `data.encoding` or
    hub name.
    """
    if source.startswith(HUB):
        table = _read_folder(fetch(source, local_only=local_only), source, spec, part)
    else:
        path = resolve_path(source, folder)
        if not require_entry(path, source):
            raise _no_such_file(path, source)
        table = _read_folder(path, source, spec, part) if path.is_dir() else read_file(path, name=source, spec=spec)
    if not table.frame.height:
        given = "holds no records" if table.frame.width > 1 else "is empty"
        raise DataError(Problem(source, given, "at least one record", "check that it was exported in full"))
    return with_paths(table, spec, strict=part == "train")


def read_file(path: Path, *, name: str, spec: DataSpec) -> RawTable:
    """The records of one file, none if it is empty."""
    raw = file_bytes(path, name)
    sha256 = hashlib.sha256(raw).hexdigest()
    if spec.format == "dataset":
        raise DataError(Problem(name, "is a file", "a data set folder", f"write data.format: {EXPECTED}"))
    raw = unpacked(raw, path, name)
    binary = binary_format(path, raw, spec.format)
    _require_used(spec, binary, name)
    if binary is not None:
        book = read_workbook(raw, name=name, sheet=spec.sheet) if binary == "xlsx" else None
        frame, remarks = book or (BINARY[binary](raw, name=name), ())
        return RawTable(unnested(frame), name, binary, "", sha256, remarks=remarks)
    decoded = decode(raw, name=name, encoding=spec.encoding)
    kind = text_format(path, decoded.text, spec.format) if decoded.text.strip() else "empty"
    if spec.records is not None and ending_of(path) == ".json" and spec.format == "auto":
        kind = "json"  # a document that stands in one line could be a record as well
    frame = _text_table(decoded.text, kind, name, spec)
    return RawTable(unnested(frame), name, kind, decoded.encoding, sha256)


def _require_used(spec: DataSpec, binary: str | None, name: str) -> None:
    """Raises RecipeError for a sheet that is asked of what has none."""
    if spec.sheet is not None and binary != "xlsx":
        raise RecipeError(Problem("data.sheet", f"is given, and {name} is no workbook", "an .xlsx file", "remove it"))
    if spec.records is not None and binary is not None:
        given = f"is given, and {name} is no JSON document"
        raise RecipeError(Problem("data.records", given, "a .json file", "remove it"))


def _text_table(text: str, kind: str, name: str, spec: DataSpec) -> pl.DataFrame:
    if spec.records is not None and kind not in {"json", "empty"}:
        given = f"is given, and {name} is {kind}, whose records lie in no object"
        raise RecipeError(Problem("data.records", given, "a .json file", "remove it"))
    if kind == "empty":
        return pl.DataFrame(schema={LINE: pl.Int64})
    if kind == "json":
        return read_json(text, name=name, records=spec.records)
    if kind == "jsonl":
        return read_jsonl(text, name=name)
    if kind == TEXT:
        return read_text(text)
    if kind == "html":
        return read_html(text, name=name)
    return read_csv(text, name=name, delimiter="\t" if kind == "tsv" else None)


def _read_folder(path: Path, source: str, spec: DataSpec, part: SplitName) -> RawTable:
    if spec.format not in {"auto", "dataset"}:
        given = f"is a folder, and data.format says {spec.format}"
        raise DataError(Problem(source, given, "one file", "name the file, or write `data.format: dataset`"))
    if is_saved_dataset(path):
        frame = read_saved_dataset(path, name=source)
        return RawTable(frame, source, "dataset", "", _folder_hash(path, sorted(path.glob("*.arrow"))))
    folders = split_folders(path)
    if folders:
        chosen = _chosen(folders, part, source)
        name = _part_name(source, part, folders)
        frame = read_saved_dataset(chosen, name=name)
        hashed = _folder_hash(chosen, sorted(chosen.glob("*.arrow")))
        saved: dict[SplitName, tuple[str, ...]] = {split: (folder.name,) for split, folder in folders.items()}
        return RawTable(frame, name, "dataset", "", hashed, _parts(folders, part), _taken(saved, part))
    classes = class_files(path, source)
    if classes:
        frame, encoding = read_class_files(classes, path, source=source, encoding=spec.encoding)
        hashed = _folder_hash(path, [file for files in classes.values() for file in files])
        return RawTable(frame, source, "dataset", encoding, hashed)
    files, unused = split_files(path, source)
    chosen_files = _chosen(files, part, source)
    tables = _read_files(path, chosen_files, source, spec)
    named = {split: tuple(f.relative_to(path).as_posix() for f in held) for split, held in files.items()}
    parts, taken = _parts(files, part), _taken(named, part)
    if len(tables) == 1:
        return replace(tables[0], parts=parts, files=taken, unused=unused)
    # The lines of several files cannot stand in one column and still be told apart: records are numbered through.
    joined = pl.concat(_numbered_apart(tables, chosen_files, path), how="diagonal_relaxed")
    frame = joined.select(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(LINE), pl.all())
    name, hashed = _part_name(source, part, files), _folder_hash(path, chosen_files)
    remarks = tuple(remark for table in tables for remark in table.remarks)
    return RawTable(frame, name, "dataset", tables[0].encoding, hashed, parts, taken, unused, remarks)


def _numbered_apart(tables: Sequence[RawTable], files: Sequence[Path], folder: Path) -> list[pl.DataFrame]:
    """The records of several files; those of documents with the name of theirs, which one may split by."""
    frames = [table.frame.drop(LINE) for table in tables]
    if not all(table.format in RAW for table in tables):
        return frames
    names = [file.relative_to(folder).as_posix() for file in files]
    return [frame.with_columns(pl.lit(name).alias(DOCUMENT)) for frame, name in zip(frames, names, strict=True)]


def _read_files(path: Path, files: Sequence[Path], source: str, spec: DataSpec) -> list[RawTable]:
    single = spec.model_copy(update={"format": "auto"})
    return [read_file(file, name=f"{source}/{file.relative_to(path).as_posix()}", spec=single) for file in files]


def _chosen(held: Mapping[SplitName, Held], part: SplitName, source: str) -> Held:
    if len(held) == 1 and part == "train":
        return next(iter(held.values()))
    if part not in held:
        given = f"holds no {part} split"
        raise DataError(Problem(source, given, f"one of: {', '.join(held)}", f"name a file for data.{part}"))
    return held[part]


def _parts(held: Mapping[SplitName, object], part: SplitName) -> tuple[SplitName, ...]:
    """The splits that the source holds; none where its only one, a test say, was taken for another."""
    return tuple(held) if part in held else ()


def _taken(named: Mapping[SplitName, tuple[str, ...]], part: SplitName) -> dict[SplitName, tuple[str, ...]]:
    """Files by the split they are taken for."""
    return dict(named) if part in named else {part: next(iter(named.values()))}


def _part_name(source: str, part: SplitName, held: Mapping[SplitName, object]) -> str:
    return f"{source} [{part}]" if len(held) > 1 else source


def _folder_hash(folder: Path, files: Sequence[Path]) -> str:
    return digest({f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files})


def _no_such_file(path: Path, source: str) -> DataError:
    names = [e.name for e in islice(path.parent.iterdir(), LOOKED_THROUGH)] if path.parent.is_dir() else []
    near = get_close_matches(path.name, names, n=3, cutoff=0.6)
    near += [n for n in names if Path(n).stem == path.stem and n not in near]
    hint = f" (did you mean {' or '.join(map(repr, near[:3]))}?)" if near else ""
    where = "" if path.parent.is_dir() else f"; the folder {str(path.parent)!r} does not exist either"
    given = f"no such file or folder{hint}{where}"
    return DataError(Problem(source, given, "a data file, a data set folder or hub:owner/name", "correct the path"))
