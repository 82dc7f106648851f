"""Which files of a data set folder belong to which split."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.data.formats import ENDINGS, RAW_ENDING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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


def split_of(name: str) -> SplitName | None:
    """The split that a file's or folder's name says, such as `train-00000-of-00002.parquet`; the first word counts."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((WORDS[word] for word in words if word in WORDS), None)


def is_saved_dataset(folder: Path) -> bool:
    """Whether `Dataset.save_to_disk` wrote the folder."""
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def split_folders(folder: Path) -> dict[SplitName, Path]:
    """The saved data sets below the folder, by split; none where it is not of that layout."""
    found = {split_of(below.name): below for below in sorted(folder.iterdir()) if is_saved_dataset(below)}
    return {split: found[split] for split in ORDER if split in found}


def split_files(folder: Path, source: str) -> tuple[dict[SplitName, list[Path]], tuple[str, ...]]:
    """The data files below the folder, by the split that their names (or their folder's) say, and those of no split.

    Texts (.txt) count where there are no tables and their names say a split. One kind of file alone is taken for
    training where no name says a split. Raises DataError for a folder without data files and for files of several
    formats in one split, naming what was found.
    """
    held = [f for f in sorted(folder.rglob("*")) if f.is_file() and _visible(f, folder)]
    files = [f for f in held if f.suffix.lower() in ENDINGS and f.name not in DESCRIPTIONS]
    files = files or [f for f in held if f.suffix.lower() == RAW_ENDING and split_of(f.name) is not None]
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
    endings = {ENDINGS.get(file.suffix.lower(), RAW_ENDING) for file in chosen}
    stems = {re.sub(r"[-_.]\d+(-of-\d+)?$", "", file.with_suffix("").name) for file in chosen}
    if len(endings) > 1 or len(stems) > 1:
        given = f"holds several files that could be the {split} split: {_listed(chosen, folder)}"
        remedy = "name the one file itself, or name the files by split: train.csv, validation.csv, test.csv"
        raise DataError(Problem(source, given, "one file (or its numbered parts) a split", remedy))


def _listed(files: Sequence[Path], folder: Path) -> str:
    """The first of the files by their paths from the folder, and how many there are beyond."""
    names = sorted(file.relative_to(folder).as_posix() for file in files)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _visible(file: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in file.relative_to(folder).parts)
