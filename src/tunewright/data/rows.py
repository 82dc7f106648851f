"""Raw records to rows: every value checked first, nothing guessed, all faults told at once."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from tunewright.core.rows import ROW_COLUMNS
from tunewright.data.contents import Content, content_of
from tunewright.data.faults import Fault
from tunewright.data.frame import LINE
from tunewright.data.keys import content_keys, row_id
from tunewright.data.unfit import Unfit
from tunewright.data.values import as_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.core.rows import SplitName
    from tunewright.data.columns import Columns
    from tunewright.data.read import RawTable

WORK_COLUMNS = (*ROW_COLUMNS, "role", "time", "id")
"""A row on its way: `role` is the split of the file it came from; `split` is that until the split is made."""
WORK_SCHEMA = {name: pl.Int64 if name == "line" else pl.String for name in WORK_COLUMNS}
NAMES = ("group", "time", "id")
CONTENT = ("input", "messages", "target")
AS_THEY_STAND = frozenset({"classification", "text_to_text", "language_modelling"})
"""Tasks whose targets are any texts: nothing of them is to be checked."""
_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows of one source, and what is wrong with its records."""

    rows: pl.DataFrame
    """In WORK_COLUMNS; a missing text, label or answer is null."""
    faults: tuple[Fault, ...]


def rows_of(table: RawTable, columns: Columns, *, role: SplitName, task: str, delimiter: str | None = None) -> Checked:
    """Every record of the table as a row, in its order; a record with a fault has a null in its place."""
    frame = table.frame
    lines = frame[LINE].to_list()
    content, faults = _plain_contents(table, columns, task) or _contents(table, columns, task, delimiter)
    names = {field: _names(table, columns, field, faults) for field in NAMES}
    said = [column for field, column in columns.pairs if field not in {"time", "id"}]
    others = frame.drop([LINE, *said], strict=False)
    count = frame.height
    rows = pl.DataFrame(
        {
            "row_id": [row_id(table.source, number) for number in range(1, count + 1)],
            "content_key": content_keys(content["input"]),
            "source": [table.source] * count,
            "line": lines,
            "group": names["group"],
            "split": [role] * count,
            **content,
            "meta": [_meta(record) for record in others.iter_rows(named=True)] if others.width else ["{}"] * count,
            "role": [role] * count,
            "time": names["time"],
            "id": names["id"],
        },
        schema=WORK_SCHEMA,
    )
    numbered = bool(faults) and table.numbered
    found = (replace(fault, numbered=numbered) for fault in sorted(faults, key=lambda fault: fault.line))
    return Checked(rows, tuple(found))


def _plain_contents(table: RawTable, columns: Columns, task: str) -> tuple[Mapping[str, pl.Series], list[Fault]] | None:
    """What the records say where two columns of text say it as they stand; None where it must be read row by row."""
    named = [*columns.input, *([columns.target] if columns.target is not None else [])]
    if task not in AS_THEY_STAND or len(columns.input) != 1 or columns.messages is not None:
        return None
    if any(table.frame.schema.get(name) != pl.String for name in named):
        return None
    nothing = pl.Series("nothing", [None], dtype=pl.String).new_from_index(0, table.frame.height)
    target = table.frame[columns.target] if columns.target is not None else nothing
    return {"input": table.frame[columns.input[0]], "messages": nothing, "target": target}, []


def _contents(
    table: RawTable, columns: Columns, task: str, delimiter: str | None
) -> tuple[Mapping[str, pl.Series], list[Fault]]:
    contents: list[Content] = []
    faults: list[Fault] = []
    said = [column for _, column in columns.pairs if column in table.frame.columns]
    for line, record in _records(table.frame.select(LINE, *dict.fromkeys(said))):
        content, unfit = content_of(record, columns, task, delimiter)
        contents.append(content)
        faults += [Fault(table.source, line, str(fault.args[0]), str(fault.args[1])) for fault in unfit]
    fields = {name: [getattr(content, name) for content in contents] for name in CONTENT}
    return {name: pl.Series(name, values, dtype=pl.String) for name, values in fields.items()}, faults


def _names(table: RawTable, columns: Columns, field: str, faults: list[Fault]) -> Sequence[str | None]:
    """The values of a column of names; what is wrong with them is added to the faults."""
    column = getattr(columns, field)
    if column not in table.frame.columns:
        return [None] * table.frame.height
    found: list[str | None] = []
    for line, value in table.frame.select(LINE, column).iter_rows():
        try:
            found.append(as_name(value))
        except Unfit as fault:
            found.append(None)
            faults.append(Fault(table.source, line, f"{column!r} {fault.args[0]}", str(fault.args[1])))
    return found


def _records(frame: pl.DataFrame) -> list[tuple[int, dict[str, Any]]]:
    """Line and record of each row. Lists stay lists: polars gives those of typed columns as its own series."""
    records = frame.drop(LINE).to_dicts()
    return list(zip(frame[LINE].to_list(), records, strict=True))


def _meta(record: dict[str, Any]) -> str:
    return _JSON.encode({name: _plain(value) for name, value in record.items()})


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
