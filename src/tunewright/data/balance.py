"""Training rows brought into balance, by copies that name their parents or by rows that leave on record."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping  # noqa: TC003  # types of records and tables below
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.core.rows import Finding
from tunewright.core.seeds import child_seed
from tunewright.data.derived import copies
from tunewright.data.faults import counted
from tunewright.data.response_types import response_types
from tunewright.data.sift import record, sift
from tunewright.recipe.balance import Oversample, Temperature, Undersample

if TYPE_CHECKING:
    from tunewright.data.columns import Columns
    from tunewright.recipe.spec import Spec

    AnyBalance = Oversample | Undersample | Temperature

RULE = "undersampled"
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Balanced:
    """The rows of all splits, those for training brought into balance."""

    rows: pl.DataFrame
    dropped: pl.DataFrame
    """In DROPPED_COLUMNS."""
    train: pl.DataFrame
    """The training rows as they were before."""
    groups: Mapping[str, tuple[int, int]]
    """Group to its training rows before and after; empty where nothing was to be balanced."""
    copied: int = 0
    findings: tuple[Finding, ...] = ()


def balance(rows: pl.DataFrame, spec: AnyBalance | None, columns: Columns, *, task: str, seed: int) -> Balanced:
    """The rows (split settled) with as many training rows of each group as the recipe wants.

    Rows that have no value in the column are of no group and stay once. Which rows leave or are copied depends on the
    seed and on their ids alone. Raises RecipeError for a column that the data lacks.
    """
    train = rows.filter(pl.col("split") == "train")
    if spec is None:
        return Balanced(rows, record(rows.clear(), rule="", action="dropped"), train, {})
    marked = train.with_columns(_groups(train, spec.column, columns, task).alias("group_of"), _draw(train, seed))
    before = _counts(marked)
    wanted = WANTED[type(spec)](spec, before)
    number = pl.int_range(pl.len()).over("group_of", order_by="draw")
    goal = pl.col("group_of").replace_strict(wanted, default=None, return_dtype=pl.Int64)
    size = pl.len().over("group_of")
    # A group's goal is dealt out over its rows in the order of the draw: each gets the whole part, the first one more.
    times = pl.when(goal.is_null()).then(1).otherwise(goal // size + (number < goal % size).cast(pl.Int64))
    marked = marked.with_columns(times.alias("times"))
    sifted = sift(marked, keep=pl.col("times") > 0, reason=RULE)
    added = copies(sifted.kept.filter(pl.col("times") > 1), method=spec.kind)
    leaving = sifted.dropped["row_id"]
    kept = rows.filter(~((pl.col("split") == "train") & pl.col("row_id").is_in(leaving.implode())))
    after = _counts(pl.concat([sifted.kept.select("group_of"), added.select("group_of")]))
    groups = {group: (n, after.get(group, 0)) for group, n in before.items()}
    findings = _findings(spec, groups, _words(spec, task), copied=added.height, dropped=leaving.len())
    joined = pl.concat([kept, added.select(rows.columns)])
    return Balanced(joined, sifted.dropped, train, groups, added.height, tuple(findings))


def _oversampled(spec: Oversample, counts: Mapping[str, int]) -> dict[str, int]:
    aim = math.ceil(spec.to * max(counts.values(), default=0))
    return {group: min(max(n, aim), n * spec.most) for group, n in counts.items()}


def _undersampled(spec: Undersample, counts: Mapping[str, int]) -> dict[str, int]:
    aim = math.floor(spec.to * min(counts.values(), default=0))
    return {group: min(n, aim) for group, n in counts.items()}


def _tempered(spec: Temperature, counts: Mapping[str, int]) -> dict[str, int]:
    largest = max(counts.values(), default=0)
    aims = {group: round(largest * (n / largest) ** (1 / spec.temperature)) for group, n in counts.items()}
    return {group: min(max(n, aims[group]), n * spec.most) for group, n in counts.items()}


WANTED: Mapping[type[Spec], Callable[[Any, Mapping[str, int]], dict[str, int]]] = {
    Oversample: _oversampled,
    Undersample: _undersampled,
    Temperature: _tempered,
}
"""Spec to the rows that each group is to have, from those it has."""


def _groups(train: pl.DataFrame, column: str | None, columns: Columns, task: str) -> pl.Series:
    """The group of each row; null where it has none. Raises RecipeError for a column that no row has."""
    if column is None:
        return train["target"] if task == "classification" else response_types(train)
    if column == columns.target:
        return train["target"]
    if column == columns.group:
        return train["group"]
    records = [json.loads(meta) for meta in train["meta"]]
    known = {name for found in records for name in found}
    if records and column not in known:
        given = f"names {column!r}, which the data lacks{did_you_mean(column, known)}"
        listed = ", ".join(map(repr, sorted(known))) or "none beside those that the recipe names"
        raise RecipeError(Problem("data.balance.column", given, f"one of: {listed}", "name the column of the groups"))
    return pl.Series([_name(found.get(column)) for found in records], dtype=pl.String)


def _name(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _draw(train: pl.DataFrame, seed: int) -> pl.Series:
    """A number a row, by the seed and its id: the order of the file plays no part."""
    return pl.Series("draw", [child_seed(seed, "balance", row) for row in train["row_id"]], dtype=pl.Int64)


def _counts(marked: pl.DataFrame) -> dict[str, int]:
    return dict(sorted(Counter(marked["group_of"].drop_nulls()).items()))


def _findings(
    spec: AnyBalance, groups: Mapping[str, tuple[int, int]], over: str, *, copied: int, dropped: int
) -> list[Finding]:
    before = {group: n for group, (n, _) in groups.items()}
    changed = [f"{group!r} {n:,} → {now:,}" for group, (n, now) in groups.items() if n != now]
    more = f" and {len(changed) - SHOWN:,} more" if len(changed) > SHOWN else ""
    done = f"{counted(copied, 'copy', 'copies')} came" if copied or not dropped else f"{counted(dropped, 'row')} left"
    listed = ", ".join(changed[:SHOWN]) or "no change"
    message = f"training rows were balanced over {over} ({spec.kind}): {done}; {listed}{more}"
    found = [Finding("balance", "note", message, copied + dropped)]
    return found if isinstance(spec, Undersample) else [*found, *_capped_findings(spec, before)]


def _words(spec: AnyBalance, task: str) -> str:
    """What the groups are."""
    if spec.column is not None:
        return f"the groups of {spec.column!r}"
    return "the labels" if task == "classification" else "the types of the answers"


def _capped_findings(spec: Oversample | Temperature, before: Mapping[str, int]) -> list[Finding]:
    capped = _capped(spec, before)
    if not capped:
        return []
    listed = ", ".join(f"{group!r} ({before[group]:,})" for group in capped[:SHOWN])
    message = f"{counted(len(capped), 'group')} too small to be brought up to the goal: {listed}"
    remedy = f"collect more rows of them; data.balance.most ({spec.most}) keeps one row from standing for a group"
    return [Finding("balance_capped", "warning", message, len(capped), remedy=remedy)]


def _capped(spec: Oversample | Temperature, counts: Mapping[str, int]) -> list[str]:
    """The groups that `most` keeps below what they would have without it."""
    free = WANTED[type(spec)](spec.model_copy(update={"most": max(counts.values(), default=1)}), counts)
    held = WANTED[type(spec)](spec, counts)
    return [group for group in counts if held[group] < free[group]]
