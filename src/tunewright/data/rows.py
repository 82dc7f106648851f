"""Raw records to rows: every value checked first, nothing guessed, all faults told at once."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from tunewright.core.rows import ROW_COLUMNS
from tunewright.data.faults import Fault
from tunewright.data.frame import LINE
from tunewright.data.keys import content_key, row_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from tunewright.core.rows import SplitName
    from tunewright.data.columns import Columns
    from tunewright.data.read import RawTable

WORK_COLUMNS = (*ROW_COLUMNS, "role", "time", "id")
"""A row on its way: `role` is the split of the file it came from; `split` is that until the split is made."""
WORK_SCHEMA = {name: pl.Int64 if name == "line" else pl.String for name in WORK_COLUMNS}


class Unfit(ValueError):  # no error of the room: it never leaves this file
    """A value that cannot be what its column holds."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows of one source, and what is wrong with its records."""

    rows: pl.DataFrame
    """In WORK_COLUMNS; a missing text or label is null."""
    faults: tuple[Fault, ...]


def rows_of(table: RawTable, columns: Columns, *, role: SplitName) -> Checked:
    """Every record of the table as a row, in its order; a record with a fault has a null in its place."""
    frame, faults = table.frame, []
    lines = frame[LINE].to_list()
    values: dict[str, list[str | None]] = {}
    kinds = {"input": as_text, "target": as_label, "group": as_name, "time": as_name, "id": as_name}
    for field, column in columns.named.items():
        if column not in frame.columns:
            continue
        values[field], found = _column(frame[column].to_list(), lines, kinds[field])
        what = f"{column!r} "
        faults += [Fault(table.source, line, what + message, remedy) for line, message, remedy in found]
    empty: list[str | None] = [None] * frame.height
    others = frame.drop(
        [LINE, columns.input, columns.target, *([columns.group] if columns.group else [])], strict=False
    )
    texts = values["input"]
    rows = pl.DataFrame(
        {
            "row_id": [row_id(table.source, number) for number in range(1, frame.height + 1)],
            "content_key": [content_key(text or "") for text in texts],
            "source": [table.source] * frame.height,
            "line": lines,
            "group": values.get("group", empty),
            "split": [role] * frame.height,
            "input": texts,
            "target": values["target"],
            "meta": [_meta(record) for record in others.iter_rows(named=True)] if others.width else ["{}"] * len(texts),
            "role": [role] * frame.height,
            "time": values.get("time", empty),
            "id": values.get("id", empty),
        },
        schema=WORK_SCHEMA,
    )
    return Checked(rows, tuple(sorted(faults, key=lambda fault: fault.line)))


def _column(
    given: list[Any], lines: list[int], convert: Callable[[Any], str | None]
) -> tuple[list[str | None], list[tuple[int, str, str]]]:
    values: list[str | None] = []
    faults: list[tuple[int, str, str]] = []
    for value, line in zip(given, lines, strict=True):
        try:
            values.append(convert(value))
        except Unfit as fault:
            values.append(None)
            faults.append((line, str(fault.args[0]), str(fault.args[1])))
    return values, faults


def as_text(value: Any) -> str | None:
    """A text as it stands; null and not-a-number are missing."""
    if isinstance(value, str):
        return value
    if _is_missing(value):
        return None
    raise Unfit(f"is {_kind(value)}, not a text: {_shown(value)}", "write it in quotation marks if it is a text")


def as_label(value: Any) -> str | None:
    """A label as text: integers in digits, truth as `true` and `false`; null and non-finite numbers are missing."""
    if isinstance(value, str):
        return value
    if _is_missing(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal) and value == int(value):
        return str(int(value))
    if isinstance(value, float | Decimal):
        raise Unfit(f"is the number {value}, not a label", "labels are words or whole numbers; bin the numbers first")
    remedy = "give each record one label" if isinstance(value, list) else "write the label as a word"
    raise Unfit(f"is {_kind(value)}, not a label: {_shown(value)}", remedy)


def as_name(value: Any) -> str | None:
    """A group, date or id as text; a blank one is missing: rows without a group are no group of their own."""
    if isinstance(value, str):
        return value if value.strip() else None
    if value is None:
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | dict | bytes):
        raise Unfit(f"is {_kind(value)}: {_shown(value)}", "write it as a word, a number or a date")
    return as_label(value) if not isinstance(value, float) or not value.is_integer() else str(int(value))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _meta(record: dict[str, Any]) -> str:
    return json.dumps({name: _plain(value) for name, value in record.items()}, ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    """A value as JSON data: what JSON cannot hold becomes text, not-a-number becomes null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)
