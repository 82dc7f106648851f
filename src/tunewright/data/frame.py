"""Python values to a polars frame without changing any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LINE = "__line__"
"""Column of every raw table: the line from 1 where the record begins in its file."""

_DTYPES: dict[type, type[pl.DataType]] = {str: pl.String, bool: pl.Boolean, int: pl.Int64, float: pl.Float64}
_INT64 = range(-(2**63), 2**63)


def frame_of(columns: Mapping[str, Sequence[Any]], lines: Sequence[int]) -> pl.DataFrame:
    """A frame of these columns and the line column; values of mixed or nested types keep their Python type."""
    series = [pl.Series(LINE, lines, dtype=pl.Int64)]
    series += [pl.Series(name, values, dtype=_dtype(values)) for name, values in columns.items()]
    return pl.DataFrame(series)


def columns_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Records turned into columns, in the order in which their keys first appear; an absent key is null."""
    names = list(dict.fromkeys(name for record in records for name in record))
    return {name: [record.get(name) for record in records] for name in names}


def sampled(frame: pl.DataFrame, most: int | None, seed: int, purpose: str) -> pl.DataFrame:
    """At most so many rows, drawn by the seed for this purpose, in their order."""
    if most is None or frame.height <= most:
        return frame
    chosen = generator(seed, purpose).choice(frame.height, size=most, replace=False)
    kept: pl.DataFrame = frame[np.sort(chosen).tolist()]
    return kept


def numbered(frame: pl.DataFrame, *, name: str) -> pl.DataFrame:
    """The frame with the record's number (from 1) in the line column: for files that have no lines."""
    refuse_reserved(frame.columns, name=name)
    return frame.select(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(LINE), pl.all())


def refuse_reserved(columns: Sequence[str], *, name: str) -> None:
    """Raises DataError when a file has a column of our own name."""
    if LINE in columns:
        raise DataError(Problem(name, f"has a column named {LINE!r}", "a name of your own", "rename the column"))


def _dtype(values: Sequence[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        kinds = {float} if all(abs(v) < 2**53 for v in values if isinstance(v, int)) else kinds
    if len(kinds) != 1:
        return pl.Object if kinds else pl.String
    kind = kinds.pop()
    if kind is int and not all(v is None or v in _INT64 for v in values):
        return pl.Object
    return _DTYPES.get(kind, pl.Object)
