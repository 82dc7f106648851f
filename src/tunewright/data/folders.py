"""Which files of a data set folder belong to which split."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.data.formats import DOCUMENTS, ENDINGS, RAW_ENDING, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tunewright.core.rows import SplitName

WORDS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
ORDER: tuple[SplitName, ...] = ("train", "validation", "test")
DESCRIPTIONS = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json"})
"""JSON files that describe a data set and hold none of its rows."""
SHOWN = 8
MOST_ENTRIES = 20_000
"""Files and folders that are looked through for data: a folder of more is a disk, not a data set."""


def split_of(name: str) -> SplitName | None:
    """The split that a file's or folder's name says, such as `train-00000-of-00002.parquet`; the first word counts."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((WORDS[word] for word in words if word in WORDS), None)


def is_saved_dataset(folder: Path) -> bool:
    """Whether `Dataset.save_to_disk` wrote the folder."""
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def split_folders(folder: Path) -> dict[SplitName, Path]:
    """The saved data sets below the folder, by split; none where it is not of that layout."""
    below = sorted(entry for entry in folder.iterdir() if split_of(entry.name) is not None)
    found = {split_of(entry.name): entry for entry in below if is_saved_dataset(entry)}
    return {split: found[split] for split in ORDER if split in found}


def split_files(folder: Path, source: str) -> tuple[dict[SplitName, list[Path]], tuple[str, ...]]:
    """The data files below the folder, by the split that their names (or their folder's) say, and those of no split.

    Texts (.txt) count where there are no tables and their names say a split, documents where there is neither: any
    number of them is one split. One kind of file alone is taken for
    training where no name says a split. Raises DataError for a folder without data files and for files of several
    formats in one split, naming what was found.
    """
    held = sorted(visible_files(folder, source))
    files = [f for f in held if ending_of(f) in ENDINGS and f.name not in DESCRIPTIONS]
    files = files or [f for f in held if ending_of(f) == RAW_ENDING and split_of(f.name) is not None]
    files = files or [f for f in held if ending_of(f) in DOCUMENTS]
    if not files:
        found = f": it holds {_listed(held, folder)}" if held else ": it is empty"
        expected = "a saved data set, or csv, json, jsonl or parquet files named by split"
        remedy = "save the data as CSV, JSONL or Parquet, and name that file or its folder"
        raise DataError(Problem(source, f"is a folder without data files{found}", expected, remedy))
    named: dict[SplitName, list[Path]] = {}
    for file in files:
        split = split_of(file.name) or split_of(file.parent.name if file.parent != folder else "")
        if split is not None:
            named.setdefault(split, []).append(file)
    if not named:
        named = {"train": files}
    for split, chosen in named.items():
        _require_one(chosen, folder, split=split, source=source)
    taken = {file for chosen in named.values() for file in chosen}
    unused = tuple(file.relative_to(folder).as_posix() for file in files if file not in taken)
    return {split: named[split] for split in ORDER if split in named}, unused


def _require_one(chosen: Sequence[Path], folder: Path, *, split: SplitName, source: str) -> None:
    """Raises DataError unless the files are one, or numbered parts of one."""
    if all(ending_of(file) in DOCUMENTS for file in chosen):
        return  # each is a document of its own
    endings = {ENDINGS.get(ending_of(file), RAW_ENDING) for file in chosen}
    stems = {re.sub(r"[-_.]\d+(-of-\d+)?$", "", file.name.partition(ending_of(file))[0]) for file in chosen}
    if len(endings) > 1 or len(stems) > 1:
        given = f"holds several files that could be the {split} split: {_listed(chosen, folder)}"
        remedy = "name the one file itself, or name the files by split: train.csv, validation.csv, test.csv"
        raise DataError(Problem(source, given, "one file (or its numbered parts) a split", remedy))


def _listed(files: Sequence[Path], folder: Path) -> str:
    """The first of the files by their paths from the folder, and how many there are beyond."""
    names = sorted(file.relative_to(folder).as_posix() for file in files)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def visible_files(folder: Path, source: str) -> Iterator[Path]:
    """Every plain file below the folder, but hidden ones; folders that are links are not entered.

    Raises DataError as soon as there are more entries than a data set has.
    """
    seen = 0
    for root, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        seen += len(below) + len(names)
        if seen > MOST_ENTRIES:
            given = f"is a folder of more than {MOST_ENTRIES:,} files and folders"
            raise DataError(Problem(source, given, "a folder that holds the data alone", "name the data file itself"))
        yield from (f for name in names if not name.startswith(".") and _is_file(f := Path(root) / name))


def _is_file(path: Path) -> bool:
    """Whether it is a plain file, or a link to one, as far as this user may know."""
    try:
        return path.is_file()
    except OSError:
        return False
