"""A sheet of an Excel workbook to a table; values as the workbook holds them, what cannot be seen in them told."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import DataError, Problem, RecipeError, did_you_mean
from tunewright.core.optional import import_optional
from tunewright.core.rows import Finding
from tunewright.data.archives import checked_zip
from tunewright.data.faults import Fault, counted, data_error, places
from tunewright.data.frame import frame_of
from tunewright.data.headers import named_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

MOST_ROWS = 1_048_576
"""What the format allows; a row that says it stands beyond is not read."""
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]{0,40}?ref="([A-Z]{1,3}\d{1,7}):[A-Z]{1,3}\d{1,7}"')
_UNCALCULATED = re.compile(rb"</(?:\w+:)?f>(?:<v></v>|<v ?/>)?</(?:\w+:)?c>")
_ERRORS = frozenset({"#REF!", "#NAME?", "#DIV/0!", "#VALUE!", "#NULL!", "#NUM!"})

Cell = Any
"""A value of a workbook: text, number, truth, date, or nothing."""


def read_workbook(raw: bytes, *, name: str, sheet: str | None) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    """A frame of one sheet, the first where none is named, and what of the workbook the frame does not show.

    A formula is its value as it was last calculated; a merged cell has its value in its first cell alone. Raises
    RecipeError for a sheet that is not there, DataError for a broken file and for rows longer than the header.
    """
    openpyxl = import_optional("openpyxl", extra="xlsx", purpose=f"reading {name}")
    archive = checked_zip(raw, name, "workbook")
    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        names = [held.title for held in book.worksheets]
        chosen = _chosen(names, sheet, name)
        held = book[chosen]
        rows = list(_rows(held))
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OSError, SyntaxError, zipfile.BadZipFile) as f:
        given = f"cannot be read as a workbook: {type(f).__name__}: {f}"
        raise DataError(Problem(name, given, "a whole .xlsx file", "open it and save it again")) from f
    frame = _frame(rows, name)
    part = _part_of(held)
    xml = archive.read(part) if part in archive.namelist() else b""
    return frame, (*_sheet_findings(names, chosen, sheet, name), *_cell_findings(rows, xml, name))


def _chosen(names: list[str], sheet: str | None, name: str) -> str:
    if not names:
        raise DataError(
            Problem(name, "has no sheet of cells", "a sheet with a table", "name the workbook that has one")
        )
    if sheet is None:
        return names[0]
    if sheet not in names:
        given = f"{name} has no sheet {sheet!r}{did_you_mean(sheet, names)}"
        raise RecipeError(Problem("data.sheet", given, f"one of: {', '.join(names[:30])}", "correct the name"))
    return sheet


def _rows(sheet: Any) -> Iterator[tuple[int, list[Cell]]]:
    """Number and cells of each row that holds anything, without what is empty behind its last value."""
    sheet.reset_dimensions()  # what the sheet says of its size may be wrong either way
    # Without a last column rows are as long as their last cell: with one, each would be filled up to it.
    numbered = enumerate(sheet.iter_rows(max_row=MOST_ROWS, values_only=True), start=1)
    for number, cells in numbered:
        held = list(cells)
        while held and (held[-1] is None or held[-1] == ""):
            held.pop()
        if held:
            yield number, held


def _frame(rows: list[tuple[int, list[Cell]]], name: str) -> pl.DataFrame:
    if not rows:
        return frame_of({}, [])
    (first, header), *records = rows
    names = named_columns(["" if cell is None else str(cell) for cell in header], name, line=first)
    faults = [
        Fault(name, number, f"{counted(len(cells), 'cell')}, the header has {len(names)}")
        for number, cells in records
        if len(cells) > len(names)
    ]
    if faults:
        what = f"of {len(records):,} are longer than the header of {counted(len(names), 'column')}"
        raise data_error(faults, what=what, expected="a table with a header", remedy="name every column in the header")
    columns = {
        column: [_value(cells[at]) if at < len(cells) else None for _, cells in records]
        for at, column in enumerate(names)
    }
    return frame_of(columns, [number for number, _ in records])


def _value(cell: Cell) -> Cell:
    """A number that is whole as an integer, as the sheet shows it."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _part_of(sheet: Any) -> str:
    return str(getattr(sheet, "_worksheet_path", "")).lstrip("/")


def _sheet_findings(names: list[str], chosen: str, asked: str | None, name: str) -> Iterator[Finding]:
    if asked is None and len(names) > 1:
        message = f"{name} has {len(names)} sheets, and {chosen!r} is read, the first; others: {', '.join(names[1:9])}"
        remedy = "for another write `data.sheet: NAME`, or --sheet NAME behind `tunewright audit`"
        yield Finding("several_sheets", "warning", message, len(names), remedy=remedy)


def _cell_findings(rows: list[tuple[int, list[Cell]]], xml: bytes, name: str) -> Iterator[Finding]:
    """What the values do not show; `xml` is the sheet as its archive holds it."""
    bare = len(_UNCALCULATED.findall(xml))
    if bare:
        message = f"{counted(bare, 'formula')} of {name} without a value: no program has calculated it"
        yield Finding("formula_without_value", "warning", message, bare, remedy="open the workbook and save it again")
    merged = [found.decode() for found in _MERGED.findall(xml)]
    if merged:
        lines = sorted({int(re.sub(r"\D", "", cell)) for cell in merged})
        message = f"{name} has {counted(len(merged), 'merged cell')}: its value stands in the first row of each alone"
        where = places((name, line) for line in lines)
        yield Finding("merged_cell", "warning", message, len(merged), where, "split them, and fill each cell")
    broken = [n for n, cells in rows for cell in cells if isinstance(cell, str) and cell in _ERRORS]
    if broken:
        message = f"{counted(len(broken), 'cell')} of {name} with a formula's error, such as #REF! or #DIV/0!"
        where = places((name, line) for line in dict.fromkeys(broken))
        yield Finding("formula_error", "warning", message, len(broken), where, "mend the formulas, or drop the rows")
