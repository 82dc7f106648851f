"""The texts of a file that is to be classified, each with its line and id, so that answers can be joined to it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem, RecipeError, did_you_mean
from tunewright.data.columns import fold_name, recognised
from tunewright.data.decode import decode
from tunewright.data.faults import counted
from tunewright.data.frame import LINE
from tunewright.data.read import read_table
from tunewright.data.span_values import joined
from tunewright.data.words import column_names
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from tunewright.data.read import RawTable

BY_LINES = frozenset({"csv", "tsv", "jsonl"})
"""Formats of which a blank line is not a record: a row that was left empty would vanish without a word."""

LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its place."""

    text: str
    line: int | None = None
    """Where its record begins in the file, from 1."""
    id: str | int | None = None


def rows_of(file: Path, column: str | None, *, learned: str | None, words: bool = False) -> list[Row]:
    """Every row of the file, in order.

    The text is that of the column named, else of the one learned from, else of one recognised by its name; the id is
    that of a column whose name says so; with `words`, a list of words is a text too. Raises RecipeError where the
    column is in doubt, DataError where a row has no text and where a blank line could have been a row.
    """
    table = read_table(str(file), folder=Path(), spec=DataSpec(train=str(file)))
    names = [name for name in table.frame.columns if name != LINE]
    name = _text_column(file, names, column, learned)
    texts, lines = table.frame[name].to_list(), table.frame[LINE].to_list()
    texts = [joined(tuple(text)) if words and _are_words(text) else text for text in texts]
    faults = [line for line, text in zip(lines, texts, strict=True) if not isinstance(text, str)]
    if faults:
        given = f"{len(faults)} rows without a text in {name!r}, the first in line {faults[0]}"
        raise DataError(Problem(str(file), given, "a text in every row", "fill or remove these rows"))
    refuse_blank_lines(file, table)
    ids = ids_of(table.frame, [other for other in names if other != name])
    return [Row(text, line, each) for text, line, each in zip(texts, lines, ids, strict=True)]


def _are_words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _text_column(file: Path, names: Sequence[str], column: str | None, learned: str | None) -> str:
    found = names if len(names) == 1 else recognised(names, column_names("input"))
    name = column or (learned if learned in names else found[0] if len(found) == 1 else None)
    if name is None or name not in names:
        doubt = "it is not clear which column holds the text"
        given = f"no column {column!r}{did_you_mean(column, names)}" if column else doubt
        raise RecipeError(Problem(str(file), given, f"one of: {', '.join(names)}", "name it with --column"))
    return name


def ids_of(frame: pl.DataFrame, names: Sequence[str]) -> list[str | int | None]:
    """The values of the id column; of several that could be it, the one whose name comes first in the list of words."""
    words = column_names("id")
    (rank,) = words
    found = sorted(recognised(names, words), key=lambda name: list(rank).index(fold_name(name)))
    if not found:
        return [None] * frame.height
    return [value if value is None or isinstance(value, str | int) else str(value) for value in frame[found[0]]]


def refuse_blank_lines(file: Path, table: RawTable) -> None:
    """Raises DataError for blank lines among the records, and after them where a row is one cell.

    There an empty text and no text look alike; where a row has several cells, blank lines at the end are the end.
    """
    if table.format not in BY_LINES or not file.is_file():
        return
    text = decode(file.read_bytes(), name=str(file)).text
    last = table.frame[LINE][-1]
    one_cell = table.frame.width == 2 and table.format != "jsonl"  # the line column is the other
    blank = [line for line in _blank_lines(text, table) if line < last or one_cell]
    if blank:
        shown = ", ".join(map(str, blank[:5])) + (f" and {len(blank) - 5} more" if len(blank) > 5 else "")
        given = f"{counted(len(blank), 'blank line')}, where a row could be meant: line {shown}"
        remedy = "remove these lines, or write the texts that belong there"
        raise DataError(Problem(str(file), given, "a record in every line", remedy))


def _blank_lines(text: str, table: RawTable) -> list[int]:
    """The numbers of blank lines behind the first line that is none, and outside all records."""
    if table.format == "jsonl":
        lines = text.split("\n")
        breaks_N = [0] * table.frame.height
    else:  # a cell between quotation marks may hold line breaks, and blank lines
        lines = io.StringIO(text, newline="").readlines()
        breaks_N = [_breaks(cells) for cells in table.frame.drop(LINE).iter_rows()]
    first = next((number for number, line in enumerate(lines, start=1) if line.strip()), 0)
    inside = set(range(first, first + 1 + _breaks(table.frame.columns)))
    for line, breaks in zip(table.frame[LINE], breaks_N, strict=True):
        inside.update(range(line, line + breaks + 1))
    behind = enumerate(lines[first:], start=first + 1)
    ended = len(lines) if table.format == "jsonl" and not lines[-1] else 0  # what follows the last line's end
    return [number for number, line in behind if not line.strip() and number not in inside and number != ended]


def _breaks(cells: Iterable[str]) -> int:
    return sum(len(LINE_BREAK.findall(cell)) for cell in cells)
