"""Rows that the recipe does not want for what stands in their source's columns: `data.keep_if` and `data.missing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.data.conditions import is_missing, kept_by
from tunewright.data.faults import Fault, data_error
from tunewright.data.filters import first_reason, no_reasons, parted
from tunewright.data.frame import LINE
from tunewright.recipe.condition import columns_in, parse_condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tunewright.core.rows import Finding, SplitName
    from tunewright.data.columns import Columns
    from tunewright.data.read import RawTable
    from tunewright.data.sift import Sifted
    from tunewright.data.sources import Sources
    from tunewright.recipe.data import DataSpec, Missing

DROPPED = "missing_value"


def sift_columns(rows: pl.DataFrame, spec: DataSpec, sources: Sources) -> tuple[Sifted, list[Finding]]:
    """The rows that fulfil `data.keep_if` and have what `data.missing` asks of their columns; `rows` are all there are.

    Rows of the user's own test stay. Raises RecipeError for columns that are not there, DataError listing rows without
    a value where a column's policy is `error`.
    """
    reasons = no_reasons(rows)
    if spec.keep_if is not None:
        needed = {test.column for test in columns_in(parse_condition(spec.keep_if))}
        keep = [_kept(spec.keep_if, needed, role, table) for role, table in sources.tables.items()]
        reasons = first_reason(reasons, ~pl.concat(keep), "keep_if")
    for column, policy in _beside(spec.missing, sources):
        lacking = pl.concat([_lacking(column, role, table) for role, table in sources.tables.items()])
        if policy == "error":
            _refuse(rows.filter(lacking & reasons.is_null() & (rows["role"] != "test")), column)
        else:
            reasons = first_reason(reasons, lacking, DROPPED)
    return parted(rows, reasons)


def content_policies(missing: Missing | Mapping[str, Missing], columns: Columns) -> tuple[Missing, Missing]:
    """What to do with a row without a text, and with one without a label or an answer."""
    if isinstance(missing, str):
        return missing, missing
    asked = [column for column in (*columns.input, columns.messages) if column is not None]
    text: Missing = "error" if any(missing.get(column) == "error" for column in asked) else "drop"
    return text, "drop" if columns.target is None else missing.get(columns.target, "drop")


def _beside(missing: Missing | Mapping[str, Missing], sources: Sources) -> Iterator[tuple[str, Missing]]:
    """The columns of the mapping that hold neither text nor target, with their policies."""
    if isinstance(missing, str):
        return
    columns = sources.columns
    said = {*columns.input, columns.messages, columns.target}
    for column, policy in missing.items():
        for role, table in sources.tables.items():
            present = [name for name in table.frame.columns if name != LINE]
            if column not in present and role != "test":
                given = f"{table.source} has no column {column!r}{did_you_mean(column, present)}"
                raise RecipeError(Problem("data.missing", given, f"one of: {', '.join(present)}", "correct the name"))
        if column not in said:
            yield column, policy


def _kept(condition: str, needed: set[str], role: SplitName, table: RawTable) -> pl.Series:
    """Which records the condition keeps; all of a test file without its columns, whose rows stay anyway."""
    if role == "test" and not needed <= set(table.frame.columns):
        return pl.Series("keep", [True] * table.frame.height, dtype=pl.Boolean)
    return kept_by(condition, table)


def _lacking(column: str, role: SplitName, table: RawTable) -> pl.Series:
    """Which records have no value in the column."""
    if role == "test" and column not in table.frame.columns:
        return pl.Series("lacking", [False] * table.frame.height, dtype=pl.Boolean)
    return table.frame.select(is_missing(column, table.frame.schema[column]).alias("lacking"))["lacking"]


def _refuse(rows: pl.DataFrame, column: str) -> None:
    """Raises DataError listing the rows, if there are any."""
    faults = [Fault(source, line, f"has no {column!r}") for source, line in rows.select("source", "line").iter_rows()]
    if faults:
        what = f"have no {column!r}, and data.missing says that this is an error"
        raise data_error(faults, what=what, remedy="complete these rows, or write `drop` for the column")
