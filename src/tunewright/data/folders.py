"""Which files of a data set folder belong to which split."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.data.formats import ENDINGS

if TYPE_CHECKING:
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


def split_files(folder: Path, source: str) -> dict[SplitName, list[Path]]:
    """The data files below the folder, by the split that their names (or their folder's) say.

    One kind of file alone is taken for training where no name says a split. Raises DataError for a folder without
    data files and for files of several formats in one split.
    """
    files = [
        f for f in sorted(folder.rglob("*")) if f.is_file() and f.suffix.lower() in ENDINGS and _visible(f, folder)
    ]
    files = [f for f in files if f.name not in {"dataset_info.json", "dataset_infos.json", "dataset_dict.json"}]
    if not files:
        expected = "a saved data set, or csv, json, jsonl or parquet files named by split"
        raise DataError(Problem(source, "is a folder without data files", expected, "name the data file itself"))
    named: dict[SplitName, list[Path]] = {}
    for file in files:
        split = split_of(file.name) or split_of(file.parent.name if file.parent != folder else "")
        if split is not None:
            named.setdefault(split, []).append(file)
    if not named:
        named = {"train": files}
    for split, chosen in named.items():
        endings = {ENDINGS[file.suffix.lower()] for file in chosen}
        stems = {re.sub(r"[-_.]\d+(-of-\d+)?$", "", file.with_suffix("").name) for file in chosen}
        if len(endings) > 1 or len(stems) > 1:
            listed = ", ".join(sorted(file.relative_to(folder).as_posix() for file in chosen)[:8])
            given = f"holds several files that could be the {split} split: {listed}"
            raise DataError(Problem(source, given, "one file (or its numbered parts) a split", "name the file itself"))
    return {split: named[split] for split in ORDER if split in named}


def _visible(file: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in file.relative_to(folder).parts)
