"""A first look at a data file: what it is, which columns matter and why. Proposals for a person to confirm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.files import resolve_path
from tunewright.core.rows import Finding, SplitName
from tunewright.core.tasks import reads
from tunewright.data.archives import unpacked
from tunewright.data.class_files import class_files
from tunewright.data.conversation_faults import conversation_findings
from tunewright.data.csv_table import sniff_delimiter
from tunewright.data.decode import decode, detect_encoding
from tunewright.data.describe import SniffedColumn, shown
from tunewright.data.doubts import described, table_findings, unused_files_finding
from tunewright.data.entries import file_bytes
from tunewright.data.faults import counted
from tunewright.data.formats import RAW, ending_of
from tunewright.data.frame import LINE
from tunewright.data.hub import HUB
from tunewright.data.json_document import records_path
from tunewright.data.labels import propose_label_map
from tunewright.data.missing import is_missing_label
from tunewright.data.named_columns import with_named
from tunewright.data.nested_columns import with_leaves
from tunewright.data.private.shown import shielded, shielded_errors
from tunewright.data.proposals import Proposal  # noqa: TC001  # a type of the frozen record below
from tunewright.data.propose import propose
from tunewright.data.read import RawTable, read_table
from tunewright.data.text_audit import language_findings, text_findings
from tunewright.data.times import instant
from tunewright.recipe.clean import CleanSpec
from tunewright.recipe.data import DataSpec
from tunewright.recipe.named import NOTHING, Named
from tunewright.recipe.recipe import TaskName  # noqa: TC001  # a type of the frozen record below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.data.proposals import Family, Proposals


@dataclass(frozen=True, slots=True)
class SniffedPart:
    """One split that a folder of files holds."""

    split: SplitName
    """What it is taken for."""
    files: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a first look found."""

    source: str
    format: str
    encoding: str
    """Empty for binary formats."""
    write_encoding: bool
    """Whether the recipe must name the encoding, because `auto` refuses it."""
    delimiter: str | None
    records: str | None
    """Path to the records inside a JSON document, where the recipe must name it."""
    sheet: str | None
    """Sheet of a workbook, where one was named."""
    rows: int
    parts: tuple[SniffedPart, ...]
    """Splits that the source itself holds; none for a single file."""
    columns: tuple[SniffedColumn, ...]
    input: Proposal | None
    target: Proposal | None
    messages: Proposal | None
    system: Proposal | None
    tools: Proposal | None
    group: Proposal | None
    time: Proposal | None
    id: Proposal | None
    task: TaskName | None
    task_reason: str
    alternatives: tuple[str, ...]
    """Other readings of the columns or the task, one sentence each."""
    labels: Mapping[str, int]
    """Rows of each label as written, most frequent first; empty where no label column is proposed."""
    label_delimiter: str | None
    """What divides the labels of one text, where rows bear several."""
    label_map: Mapping[str, str]
    """Spelling variants of labels and what they probably mean."""
    findings: tuple[Finding, ...]
    """What a person should look at, the same as a run will tell of the file."""

    @property
    def splits(self) -> tuple[SplitName, ...]:
        """Splits that the source itself holds."""
        return tuple(part.split for part in self.parts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at, in sentences."""
        return tuple(finding.message for finding in self.findings)


@shielded_errors()
def sniff(
    source: Path | str,
    *,
    folder: Path | None = None,
    family: Family | None = None,
    task: TaskName | None = None,
    named: Named = NOTHING,
) -> Sniffed:
    """The proposals for a file, a data set folder or a `hub:` name.

    `family` is that of the base, `task` the task and `named` the columns and the like, where they are chosen. Raises
    DataError when it cannot be read, RecipeError for what is named and not there.
    """
    name, base = str(source), folder or Path()
    path = resolve_path(name, base)
    raw = b"" if name.startswith(HUB) else _text_bytes(path, name)
    spec = _spec(name, raw, named, document=ending_of(path) == ".json")
    table = read_table(name, folder=base, spec=spec)
    parts = tuple(_parts(table, folder=base, spec=spec))
    table, columns, proposals = _proposed(table, family, task)
    proposals = with_named(proposals, named, columns, source=name, family=family, task=task)
    labels = _labels(table.frame, proposals.target if proposals.task == "classification" else None)
    return Sniffed(
        source=name,
        format=table.format,
        encoding=table.encoding,
        write_encoding=bool(table.encoding) and spec.encoding != "auto",
        delimiter=_delimiter(raw, table) if raw else None,
        records=spec.records,
        sheet=spec.sheet,
        rows=table.frame.height,
        parts=parts,
        columns=columns,
        input=proposals.input,
        target=proposals.target,
        messages=proposals.messages,
        system=proposals.system,
        tools=proposals.tools,
        group=proposals.group,
        time=proposals.time,
        id=proposals.id,
        task=proposals.task,
        task_reason=shielded(proposals.task_reason),
        alternatives=shielded(proposals.alternatives),
        labels=labels,
        label_delimiter=proposals.label_delimiter,
        label_map=propose_label_map(labels),
        findings=shielded(
            (
                *table_findings(table, encoding="auto" if named.encoding else spec.encoding, columns=columns),
                *([unused_files_finding(name, table.unused)] if table.unused else []),
                *proposals.findings,
                *_class_findings(name, path),
                *_proposal_findings(table, proposals.time, labels),
                *_text_findings(table, proposals),
                *conversation_findings(table, proposals),
            )
        ),
    )


def _spec(name: str, raw: bytes, named: Named, *, document: bool) -> DataSpec:
    """How the file is to be read: as it is named, else as its bytes say; an encoding is `auto` where that reads it."""
    encoding, by_itself = detect_encoding(raw)
    return DataSpec(
        train=name,
        encoding=named.encoding or ("auto" if by_itself else encoding),
        records=named.records or (_records(raw, encoding) if document else None),
        sheet=named.sheet,
        input=named.input,
        target=named.target,
    )


def _records(raw: bytes, encoding: str) -> str | None:
    """The path to the records of a JSON document where they lie deeper than at its top."""
    return records_path(raw.decode(encoding, errors="replace")) if raw.lstrip()[:1] == b"{" else None


def _proposed(
    table: RawTable, family: Family | None, task: TaskName | None
) -> tuple[RawTable, tuple[SniffedColumn, ...], Proposals]:
    """The proposals for the table's own columns; where these give no task, for the values inside its objects too."""
    columns = described(table)
    found = propose(columns, table.frame, raw=table.format in RAW, family=family, task=task)
    deeper = with_leaves(table) if found.task is None else table
    if deeper is table:
        return table, columns, found
    inner = described(deeper)
    inside = propose(inner, deeper.frame, family=family, task=task)
    return (deeper, inner, inside) if inside.task is not None else (table, columns, found)


def _text_bytes(path: Path, name: str) -> bytes:
    """The bytes that tell the encoding: of a file, unpacked, or of all files of a folder with one a class."""
    if path.is_dir():
        return b"\n".join(file_bytes(file, name) for files in class_files(path, name).values() for file in files)
    return unpacked(file_bytes(path, name), path, name) if path.is_file() else b""


def _class_findings(name: str, path: Path) -> Iterator[Finding]:
    """Says which file of a folder is taken for which class."""
    held = class_files(path, name) if not name.startswith(HUB) and path.is_dir() else {}
    if held:
        told = [f"{label!r} from {files[0].relative_to(path).as_posix()}" for label, files in list(held.items())[:8]]
        message = f"{name} is read as {len(held)} classes by the names of its files: {', '.join(told)}"
        yield Finding(
            "class_files", "note", message, len(held), remedy="write a CSV of texts and labels, if they are none"
        )


def _parts(table: RawTable, *, folder: Path, spec: DataSpec) -> Iterator[SniffedPart]:
    """The splits that the source holds, each read in full."""
    for split, files in table.files.items():
        held = table if split == "train" else read_table(spec.train, folder=folder, spec=spec, part=split)
        yield SniffedPart(split, files, held.frame.height)


def _delimiter(raw: bytes, table: RawTable) -> str | None:
    if table.format not in {"csv", "tsv"}:
        return None
    return sniff_delimiter(decode(raw, name=table.source, encoding=table.encoding).text)


def _labels(frame: pl.DataFrame, target: Proposal | None) -> dict[str, int]:
    if target is None:
        return {}
    values = (shown(value) for value in frame[target.column])
    counts = Counter(value for value in values if value is not None and not is_missing_label(value))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _proposal_findings(table: RawTable, time: Proposal | None, labels: Mapping[str, int]) -> Iterator[Finding]:
    """Doubts about what the columns were proposed for."""
    if time is not None:
        unread = _unreadable_times(table.frame[time.column])
        if unread:
            message = f"{counted(unread, 'value')} of {time.column!r} not in ISO 8601: a split by time refuses them"
            yield Finding("unreadable_time", "warning", message, unread)
    if len(labels) == 1:
        message = f"all rows bear one label, {next(iter(labels))!r}: there is nothing to tell apart"
        yield Finding("one_label", "warning", message, table.frame.height)


def _text_findings(table: RawTable, proposals: Proposals) -> list[Finding]:
    """What the proposed texts hold that a run takes away, or could; and their languages."""
    if proposals.input is None or proposals.task is None:
        return []
    target = None if reads(proposals.task) else proposals.target
    rows = pl.DataFrame(
        {
            "source": [table.source] * table.frame.height,
            "line": table.frame[LINE],
            "input": ["\n\n".join(t for t in texts if t) for texts in _cells(table, proposals.input)],
            "target": [texts[0] for texts in _cells(table, target)] if target else [None] * table.frame.height,
        },
        schema_overrides={"target": pl.String},
    )
    return [*text_findings(rows, CleanSpec(), proposals.task, raw=True), *language_findings(rows)[1]]


def _cells(table: RawTable, proposal: Proposal) -> list[list[str]]:
    """The texts of each record in the proposed columns; other values are none."""
    frame = table.frame.select(proposal.columns)
    return [[cell if isinstance(cell, str) else "" for cell in cells] for cells in frame.iter_rows()]


def _unreadable_times(series: pl.Series) -> int:
    unread = 0
    for value in series:
        text = shown(value)
        if text is None:
            continue
        try:
            instant(text)
        except ValueError:
            unread += 1
    return unread
