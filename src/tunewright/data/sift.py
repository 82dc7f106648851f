"""Rows that stay, rows that leave and rows that change, each with the rule that did it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import DROPPED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING_BEFORE = "{}"


@dataclass(frozen=True, slots=True)
class Sifted:
    """Rows parted by a rule."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    """In DROPPED_COLUMNS."""


@dataclass(frozen=True, slots=True)
class Amended:
    """Rows with one field changed by a rule."""

    rows: pl.DataFrame
    changes: pl.DataFrame
    """The changed rows as they are now, in DROPPED_COLUMNS, with the field as it was in `before`."""


def sift(rows: pl.DataFrame, *, keep: pl.Expr | pl.Series, reason: str) -> Sifted:
    """The rows for which `keep` is true, and the others with the reason they left for."""
    mask = rows.with_columns(keep.fill_null(value=False).alias("__keep__"))["__keep__"]
    return Sifted(rows.filter(mask), record(rows.filter(~mask), rule=reason, action="dropped"))


def amend(rows: pl.DataFrame, values: pl.Series, *, rule: str) -> Amended:
    """The rows with `values` in the column of that name; each row whose value differs is recorded as it was."""
    field = values.name
    differs = rows[field].ne_missing(values)
    before = [json.dumps({field: old}, ensure_ascii=False) for old in rows[field].filter(differs)]
    after = rows.with_columns(values)
    changes = record(after.filter(differs), rule=rule, action="changed")
    return Amended(after, changes.with_columns(pl.Series("before", before, dtype=pl.String)))


def amend_all(rows: pl.DataFrame, values: Sequence[pl.Series], *, rule: str) -> Amended:
    """As `amend`, of several columns: a row of which any differs is recorded once, with those that differ."""
    differ = {field.name: rows[field.name].ne_missing(field).to_list() for field in values}
    changed = [any(flags) for flags in zip(*differ.values(), strict=True)] if rows.height else []
    fields = rows.select(series.name for series in values).rows(named=True)
    before = [
        json.dumps({name: old for name, old in fields[n].items() if differ[name][n]}, ensure_ascii=False)
        for n, flag in enumerate(changed)
        if flag
    ]
    after = rows.with_columns(values)
    changes = record(after.filter(pl.Series(changed, dtype=pl.Boolean)), rule=rule, action="changed")
    return Amended(after, changes.with_columns(pl.Series("before", before, dtype=pl.String)))


def record(rows: pl.DataFrame, *, rule: str, action: str) -> pl.DataFrame:
    """The rows in DROPPED_COLUMNS."""
    marks = [pl.lit(rule).alias("rule"), pl.lit(action).alias("action"), pl.lit(NOTHING_BEFORE).alias("before")]
    return rows.with_columns(marks).select(DROPPED_COLUMNS)
