"""A folder with one text file a class, or one folder of texts a class, as a table of texts and labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError
from tunewright.data.decode import decode
from tunewright.data.entries import file_bytes
from tunewright.data.folders import split_of, visible_files
from tunewright.data.formats import DOCUMENTS, ENDINGS, RAW_ENDING, ending_of
from tunewright.data.frame import LINE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tunewright.core.errors import Problem

MOST_CLASSES = 200
BLANK_SHARE = 0.01
"""In a file of one text a line, fewer lines are blank; prose has blank lines between its paragraphs."""
NOT_TEXTS = frozenset({"readme", "license", "licence", "copying", "notice", "changelog"})
"""File names that tell about data."""

Held = dict[str, list["Path"]]


def class_files(folder: Path, source: str) -> Held:
    """The text files by the class that their names (one text a line) or their folders (one text a file) say.

    Empty where the folder is not of that layout: where it holds tables, or names that say a split, or names that
    differ in more than one word or in numbers, or prose. Raises DataError for a folder of very many files.
    """
    files = sorted(visible_files(folder, source))
    texts = [f for f in files if f.suffix.lower() == RAW_ENDING and f.stem.lower() not in NOT_TEXTS]
    if any(ending_of(f) in ENDINGS or ending_of(f) in DOCUMENTS for f in files) or len(texts) < 2:
        return {}
    if any(split_of(f.name) or (f.parent != folder and split_of(f.parent.name)) for f in texts):
        return {}
    if all(f.parent.parent == folder for f in texts):
        return _by_folder(texts)
    return _by_name(texts) if all(f.parent == folder for f in texts) else {}


def read_class_files(
    held: Mapping[str, Sequence[Path]], folder: Path, *, source: str, encoding: str
) -> tuple[pl.DataFrame, str]:
    """Columns `text` and `label`, records numbered through, and the encoding. Raises DataError for all broken files."""
    texts: list[str] = []
    labels: list[str] = []
    found = "utf-8"
    problems: list[Problem] = []
    by_line = all(len(files) == 1 and files[0].parent == folder for files in held.values())
    for label, files in held.items():
        for file in files:
            name = f"{source}/{file.relative_to(folder).as_posix()}"
            try:
                decoded = decode(file_bytes(file, name), name=name, encoding=encoding)
            except DataError as fault:
                problems += fault.problems
                continue
            found = decoded.encoding
            parts = _lines(decoded.text) if by_line else [decoded.text]
            texts += parts
            labels += [label] * len(parts)
    if problems:
        raise DataError(*problems)
    numbers = pl.Series(LINE, range(1, len(texts) + 1), dtype=pl.Int64)
    return pl.DataFrame(
        [numbers, pl.Series("text", texts, dtype=pl.String), pl.Series("label", labels, dtype=pl.String)]
    ), found


def _lines(text: str) -> list[str]:
    """The lines that hold anything; a line ends as in an editor, not at a form feed."""
    return [line for line in re.split(r"\r\n|\n|\r", text) if line.strip()]


def _by_folder(texts: Sequence[Path]) -> Held:
    held: Held = {}
    for file in texts:
        held.setdefault(file.parent.name, []).append(file)
    return held if 2 <= len(held) <= MOST_CLASSES else {}


def _by_name(texts: Sequence[Path]) -> Held:
    """Files whose names differ in one word, which is the class."""
    words = [re.findall(r"[^\W_]+", file.stem.lower()) for file in texts]
    if len({len(parts) for parts in words}) != 1 or len(texts) > MOST_CLASSES:
        return {}
    differ = [i for i, column in enumerate(zip(*words, strict=True)) if len(set(column)) > 1]
    if len(differ) != 1 or len({parts[differ[0]] for parts in words}) != len(texts):
        return {}
    names = [parts[differ[0]] for parts in words]
    if any(name.isdigit() for name in names) or any(map(_is_prose, texts)):
        return {}
    return {name: [file] for name, file in zip(names, texts, strict=True)}


def _is_prose(file: Path) -> bool:
    """Whether blank lines part what the file says: then its lines are no texts by themselves."""
    lines = file.read_bytes().rstrip().splitlines()
    return sum(not line.strip() for line in lines) > BLANK_SHARE * len(lines)
