"""What of a raw table a person should look at before a model learns from it: its header, its encoding, its letters."""

from __future__ import annotations

import codecs
import re
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import did_you_mean
from tunewright.core.rows import Finding
from tunewright.data.describe import describe, distinct, shown
from tunewright.data.faults import SHOWN, at, counted, places
from tunewright.data.frame import LINE
from tunewright.data.private.redact import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tunewright.data.describe import SniffedColumn
    from tunewright.data.read import RawTable

HEADED = frozenset({"csv", "tsv", "xlsx", "dataset"})
"""Formats whose column names may come from a first line; `dataset` is what a folder of several files is called."""
FEW_VALUES = 200
"""A column with fewer different values than this may hold labels, whose names a header would not repeat."""
EMPTY_SHARE = 0.5
EXAMPLES = 4
FEW_CELLS = 100
"""Cells that examples of letters are taken from."""

_LOST = "\ufffd"
_C1 = "[\x80-\x84\x86-\x9f]"
_FOREIGN_WORD = re.compile(r"\w*[^\W\x00-\x7f]\w*")


def table_findings(
    table: RawTable, *, encoding: str, columns: Sequence[SniffedColumn] | None = None
) -> tuple[Finding, ...]:
    """The doubts about a table; `encoding` is what it was asked to be read with, `auto` or a name.

    `columns` are its columns in figures, where they are known already.
    """
    known = columns if columns is not None else described(table)
    return (
        *table.remarks,
        *_encoding_findings(table, encoding),
        *_header_findings(table, known),
        *_empty_findings(table, known),
        *_character_findings(table),
    )


def described(table: RawTable) -> tuple[SniffedColumn, ...]:
    """The table's columns in figures, in their order."""
    return tuple(describe(table.frame[column]) for column in table.frame.columns if column != LINE)


def unused_files_finding(source: str, unused: Sequence[str]) -> Finding:
    """The files of a data folder whose names say no split, beside others whose names do."""
    message = f"{source} holds {counted(len(unused), 'file')} that no split takes: {', '.join(unused[:8])}"
    remedy = "name them by split, such as train.csv or test.csv, or move them elsewhere"
    return Finding("unused_file", "warning", message, len(unused), remedy=remedy)


def _encoding_findings(table: RawTable, encoding: str) -> Iterator[Finding]:
    if encoding == "auto" or not table.encoding or codecs.lookup(table.encoding).name in {"utf-8", "utf-16", "utf-32"}:
        return
    held = [(line, text) for line, text in _texts(table) if _FOREIGN_WORD.search(text)]
    if held:
        safe = (without_secrets(text) for _, text in held[:FEW_CELLS])
        examples = list(islice(dict.fromkeys(word for text in safe for word in _FOREIGN_WORD.findall(text)), EXAMPLES))
        such = f", such as {', '.join(map(repr, examples))}" if examples else ""
        message = (
            f"{table.source} is not UTF-8: it was read as {table.encoding}, a guess until somebody has looked at the "
            f"accented letters{such}"
        )
        remedy = (
            "if these are wrong, name another as data.encoding, or --encoding of an audit; if they are right, saving "
            "the file as UTF-8 ends the doubt"
        )
        lines = list(dict.fromkeys(line for line, _ in held))
        where = places((table.source, line) for line in lines[:SHOWN])
        yield Finding("guessed_encoding", "warning", message, len(lines), where, remedy)


def _header_findings(table: RawTable, columns: Sequence[SniffedColumn]) -> Iterator[Finding]:
    if table.format not in HEADED:
        return
    unnamed = [column.name for column in columns if re.fullmatch(r"column_\d+", column.name)]
    if unnamed:
        message = f"{table.source} has {counted(len(unnamed), 'column')} without a name: {', '.join(unnamed)}"
        remedy = "name them in the first line, or remove them"
        yield Finding("unnamed_column", "warning", message, len(unnamed), remedy=remedy)
    few = [column.name for column in columns if column.distinct < FEW_VALUES and column.kind != "nested"]
    held = [name for name in few if name in {shown(value) for value in distinct(table.frame[name])}]
    if held:
        message = (
            f"the first line of {table.source} may be a record and not a header: "
            f"{held[0]!r} is also a value of its column"
        )
        remedy = "write a header as the first line, such as text,label; the first record is lost otherwise"
        yield Finding("headerless", "warning", message, 1, (at(table.source, 1),), remedy)


def _empty_findings(table: RawTable, columns: Sequence[SniffedColumn]) -> Iterator[Finding]:
    empty = [column.name for column in columns if column.missing_share > EMPTY_SHARE]
    if empty:
        filled = [column.name for column in columns if column.name not in empty]
        listed = ", ".join(f"{name}{did_you_mean(name, filled)}" for name in empty)
        message = f"more than half of the cells of {table.source} are empty in {listed}"
        yield Finding("empty_column", "note", message, len(empty))


def _character_findings(table: RawTable) -> Iterator[Finding]:
    lost = _cells(table, _LOST)
    if lost:
        message = (
            f"{counted(len(lost), 'cell')} of {table.source} with U+FFFD: characters that an earlier conversion lost"
        )
        yield _broken(table, "lost_character", message, lost, "export the data again from where it came")
    c1 = _cells(table, _C1)
    if c1:
        message = (
            f"{counted(len(c1), 'cell')} of {table.source} with characters U+0080 to U+009F: "
            "probably cp1252 once read as Latin-1"
        )
        remedy = "export the data again as UTF-8; `data.clean.mojibake` repairs them in texts, and in no other column"
        yield _broken(table, "c1_character", message, c1, remedy)


def _broken(table: RawTable, kind: str, message: str, lines: Sequence[int], remedy: str) -> Finding:
    where = places((table.source, line) for line in dict.fromkeys(lines))
    return Finding(kind, "warning", message, len(lines), where, remedy)


def _cells(table: RawTable, pattern: str) -> list[int]:
    """The line of each cell of text in which the pattern is found, as often as it has such cells."""
    found: list[int] = []
    for name, dtype in table.frame.schema.items():
        if dtype == pl.String:
            found += table.frame.filter(pl.col(name).str.contains(pattern))[LINE].to_list()
        elif dtype.is_object():
            cells = zip(table.frame[LINE], table.frame[name], strict=True)
            found += [line for line, cell in cells if isinstance(cell, str) and re.search(pattern, cell)]
    return sorted(found)


def _texts(table: RawTable) -> Iterator[tuple[int, str]]:
    """The line and text of each cell that holds text, row by row."""
    names = [name for name in table.frame.columns if name != LINE]
    for line, *cells in table.frame.select(LINE, *names).iter_rows():
        for cell in cells:
            if isinstance(cell, str):
                yield line, cell
