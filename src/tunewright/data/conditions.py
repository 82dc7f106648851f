"""`data.keep_if` over a source's raw columns: names and types checked first, then one polars expression."""

from __future__ import annotations

from functools import reduce
from operator import and_, ge, gt, le, lt, or_
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.data.frame import LINE
from tunewright.recipe.condition import Condition, Either, Every, Not, Test, columns_in, parse_condition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tunewright.data.read import RawTable
    from tunewright.recipe.condition import Value

PLACE = "data.keep_if"
ORDERS: Mapping[str, Callable[[pl.Expr, Value], pl.Expr]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
SHOWN = 30


def kept_by(text: str, table: RawTable) -> pl.Series:
    """Which records of the table the condition keeps.

    A missing value equals nothing, is in no list and contains nothing, so that the opposite of each of these keeps it.
    Raises RecipeError naming each column that is not there, and each value that its column cannot be compared with.
    """
    condition = parse_condition(text)
    tests = columns_in(condition)
    problems = [problem for test in tests for problem in _problems(test, table)]
    if problems:
        raise RecipeError(*problems)
    return table.frame.select(_expression(condition, table.frame).alias("keep"))["keep"]


def _problems(test: Test, table: RawTable) -> list[Problem]:
    """What stands against a test."""
    frame = table.frame
    present = [name for name in frame.columns if name != LINE]
    where = f"at character {test.position}: "
    if test.column not in present:
        given = f"{where}{table.source} has no column {test.column!r}{did_you_mean(test.column, present)}"
        more = f" and {len(present) - SHOWN} more" if len(present) > SHOWN else ""
        return [Problem(PLACE, given, f"one of: {', '.join(present[:SHOWN])}{more}", "correct the name")]
    series = frame[test.column]
    if series.dtype in (pl.Object, pl.Struct, pl.List) and test.operator != "missing":
        given = f"{where}{test.column!r} holds lists, objects or values of several kinds"
        return [Problem(PLACE, given, "a column of texts, numbers or truth values", "ask whether it `is missing`")]
    for value in test.values:
        given = f"{where}{test.column!r} "
        unfit = _unfit(series, value, test.operator)
        if unfit:
            return [Problem(PLACE, given + unfit, "a value of the column's own kind", "correct the value")]
    return []


def _unfit(series: pl.Series, value: Value, operator: str) -> str:
    """Why a column cannot be compared with a value; nothing where it can."""
    if isinstance(value, bool):
        return _no_truth(series, str(value).lower(), ordered=operator in ORDERS)
    if isinstance(value, float):
        return _no_number(series, f"{value:g}")
    if not value.strip() and operator != "contains":  # blanks stand inside of texts
        return "is compared with an empty text, which stands for a missing value: write `is missing`"
    texts = series.dtype == pl.String or series.dtype.is_temporal()
    return "" if texts else f"holds no texts, and is compared with the text {value!r}"


def _no_truth(series: pl.Series, value: str, *, ordered: bool) -> str:
    if ordered:
        return f"is compared by order with {value}"
    words = series.dtype == pl.String and _cells(series).str.to_lowercase().is_in(["true", "false"]).all()
    return "" if words or series.dtype == pl.Boolean else f"holds no truth values, and is compared with {value}"


def _no_number(series: pl.Series, value: str) -> str:
    if series.dtype.is_numeric():
        return ""
    if series.dtype != pl.String:
        return f"holds no numbers, and is compared with {value}"
    filled = _cells(series)
    others = filled.filter(filled.cast(pl.Float64, strict=False).is_null())
    return f"holds the text {others[0]!r}, and is compared with the number {value}" if others.len() else ""


def _cells(series: pl.Series) -> pl.Series:
    """The column's cells that are not blank, without blanks around them."""
    return series.to_frame().select(_bare(series.name))[series.name].drop_nulls()


def _bare(column: str) -> pl.Expr:
    stripped = pl.col(column).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _expression(condition: Condition, frame: pl.DataFrame) -> pl.Expr:
    if isinstance(condition, Not):
        return ~_expression(condition.of, frame)
    if isinstance(condition, Every):
        return reduce(and_, (_expression(part, frame) for part in condition.parts))
    if isinstance(condition, Either):
        return reduce(or_, (_expression(part, frame) for part in condition.parts))
    return _tested(condition, frame)


def _tested(test: Test, frame: pl.DataFrame) -> pl.Expr:
    """The test as an expression that is true or false, never null."""
    dtype = frame.schema[test.column]
    if test.operator == "missing":
        return is_missing(test.column, dtype)
    if test.operator == "contains":
        found = _read(test.column, test.values[0], dtype).str.contains(str(test.values[0]), literal=True)
    elif test.operator == "in":
        found = reduce(or_, (_equal(test.column, value, dtype) for value in test.values))
    elif test.operator == "!=":
        return ~_equal(test.column, test.values[0], dtype)
    elif test.operator == "==":
        return _equal(test.column, test.values[0], dtype)
    else:
        found = ORDERS[test.operator](_read(test.column, test.values[0], dtype), test.values[0])
    return found.fill_null(value=False)


def _equal(column: str, value: Value, dtype: pl.DataType) -> pl.Expr:
    return (_read(column, value, dtype) == pl.lit(value)).fill_null(value=False)


def _read(column: str, value: Value, dtype: pl.DataType) -> pl.Expr:
    """The column as values of the kind it is compared with: cells of a CSV file are texts."""
    if dtype == pl.String and isinstance(value, bool):
        return _bare(column).str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    if isinstance(value, float):
        number = _bare(column).cast(pl.Float64, strict=False) if dtype == pl.String else pl.col(column)
        return number.cast(pl.Float64).fill_nan(None)
    if dtype == pl.String:
        return pl.when(_bare(column).is_not_null()).then(pl.col(column))
    return pl.col(column).cast(pl.String) if dtype.is_temporal() else pl.col(column)


def is_missing(column: str, dtype: pl.DataType) -> pl.Expr:
    """Whether a cell is null, blank or not a number."""
    if dtype == pl.Object:
        return pl.col(column).is_null()
    if dtype == pl.String:
        return _bare(column).is_null()
    if dtype.is_float():
        return pl.col(column).fill_nan(None).is_null()
    return pl.col(column).is_null()
