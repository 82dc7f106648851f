"""CSV and TSV text to a table of strings, with the line where each record begins."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tunewright.data.faults import Fault, counted, data_error
from tunewright.data.frame import frame_of
from tunewright.data.headers import named_columns
from tunewright.data.private.redact import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

Quoting = Literal[0, 3]
DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SAMPLE_RECORDS = 100


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a file: one list a record, its line beside it."""

    header: list[str]
    cells: list[list[str]]
    lines: list[int]
    faults: list[Fault]
    read: int


def read_csv(text: str, *, name: str, delimiter: str | None = None) -> pl.DataFrame:
    """A frame of strings with the line column. Raises DataError listing every ragged or broken record.

    A tab-separated file whose quotation marks do not pair is read without quoting: the format has none
    (IANA text/tab-separated-values).
    """
    delimiter = delimiter or sniff_delimiter(text)
    table = _parse(text, name, delimiter, csv.QUOTE_MINIMAL)
    if table.faults and delimiter == "\t":
        plain = _parse(text, name, delimiter, csv.QUOTE_NONE)
        table = table if plain.faults else plain
    if table.faults:
        raise data_error(
            table.faults,
            what=f"of {table.read:,} do not fit the header of {counted(len(table.header), 'column')}",
            expected=f"records separated by {NAMES[delimiter]}, with quotation marks around a cell that holds one",
            remedy="correct these lines",
        )
    header = named_columns(table.header, name)
    columns = zip(*table.cells, strict=True) if table.cells else ([] for _ in header)
    return frame_of(dict(zip(header, map(list, columns), strict=True)), table.lines)


def sniff_delimiter(text: str) -> str:
    """The one of , ; tab and | under which the first records have the same number of cells; a comma if none does."""
    named = re.match(r"sep=([,;\t|])\r?\n", text)  # what spreadsheet programs write as a first line
    if named:
        return named[1]
    scores = {delimiter: _evenness(text, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
    return best if scores[best] > (0.0, 1) else ","


def looks_like_table(text: str) -> bool:
    """Whether nearly all of the first records have as many cells, two or more, as the header."""
    share, width = _evenness(text, sniff_delimiter(text))
    return share >= 0.9 and width > 1


def _evenness(text: str, delimiter: str) -> tuple[float, int]:
    reader = csv.reader(io.StringIO(_body(text)[0][:1_000_000], newline=""), delimiter=delimiter)
    widths: list[int] = []
    try:
        for record in reader:
            if record:
                widths.append(len(record))
            if len(widths) > SAMPLE_RECORDS:
                break
    except csv.Error:
        pass  # the full reading names the fault and its line
    if not widths or widths[0] < 2:
        return (0.0, 1)
    return (Counter(widths)[widths[0]] / len(widths), widths[0])


def _body(text: str) -> tuple[str, int]:
    """The text after a spreadsheet's `sep=` line, and the number of lines before it."""
    named = re.match(r"sep=[,;\t|]\r?\n", text)
    return (text[named.end() :], 1) if named else (text, 0)


def _parse(text: str, name: str, delimiter: str, quoting: Quoting) -> Table:
    body, skipped = _body(text)
    faults: list[Fault] = []
    header: list[str] = []
    cells: list[list[str]] = []
    lines: list[int] = []
    read = 0
    for line, record, problem in _records(body, delimiter, quoting):
        blank = not record or (len(record) == 1 and len(header) != 1 and not record[0].strip())
        if problem is None and blank:
            continue
        if not header and problem is None:
            header = record
            continue
        read += 1
        fault = problem or _ragged(record, header)
        if fault is not None:
            faults.append(Fault(name, line + skipped, fault))
            continue
        cells.append(record)
        lines.append(line + skipped)
    return Table(header, cells, lines, faults, read)


def _ragged(record: list[str], header: list[str]) -> str | None:
    if len(record) == len(header):
        return None
    return f"{counted(len(record), 'cell')}, the header has {len(header)}: {_excerpt(record)}"


def _records(text: str, delimiter: str, quoting: Quoting) -> Iterator[tuple[int, list[str], str | None]]:
    """Line, cells and fault of each record."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader), None
        except StopIteration:
            return
        except csv.Error as fault:
            yield line, [], _broken(str(fault), line, reader.line_num)


def _broken(message: str, first: int, last: int) -> str:
    if "unexpected end" in message:
        return "a quotation mark opens a cell in this record and is never closed"
    if "field larger" in message:
        limit = csv.field_size_limit()
        return (
            f"a cell is longer than {limit:,} characters: probably a quotation mark that is never closed; if its "
            "text is truly so long, write the records as JSON Lines"
        )
    until = f" (the record reaches line {last:,})" if last > first else ""
    return f"text follows a closing quotation mark{until}: write a quotation mark inside a cell twice"


def _excerpt(record: list[str]) -> str:
    text = without_secrets(" | ".join(record))
    return repr(text if len(text) <= 60 else text[:57] + "...")
