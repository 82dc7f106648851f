"""Columns that a recipe names by a path into nested records, made columns of the table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError
from tunewright.data.frame import LINE, frame_of
from tunewright.data.paths import astray, leaves, steps_of, walked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tunewright.data.paths import Step
    from tunewright.data.read import RawTable
    from tunewright.recipe.data import DataSpec

FIELDS = ("input", "target", "messages", "system", "tools", "group", "time", "id")
LOOKED_AT = 1000
"""Records whose objects are looked into for paths to propose."""
MOST_LEAVES = 100
"""More columns than that are no record that a person wrote."""


def with_paths(table: RawTable, spec: DataSpec, *, strict: bool) -> RawTable:
    """The table with a column for each path that the recipe names, unless a column of that very name is there.

    A value that a path does not reach is missing. `strict` raises RecipeError for a path that no record has, naming the
    nearest; without it the column is left out, for the caller to tell of.
    """
    named = [(field, name) for field in FIELDS for name in _named(spec, field)]
    problems = [p for field, name in named if (p := _lost(table, field, name)) is not None]
    if problems and strict:
        raise RecipeError(*problems)
    paths = dict.fromkeys(name for _, name in named if _leads(table, name))
    return _added(table, [name for name in paths if _lost(table, "", name) is None])


def with_leaves(table: RawTable) -> RawTable:
    """The table with a column for each single value inside its objects, by its path; for a first look at a file."""
    names = [name for name in table.frame.columns if name != LINE and table.frame[name].dtype.is_nested()]
    names += [name for name in table.frame.columns if table.frame[name].dtype.is_object()]
    found = [path for name in names for path in leaves(table.frame[name].head(LOOKED_AT).to_list(), name)]
    found = [path for path in found if path not in table.frame.columns]
    return _added(table, found) if len(found) <= MOST_LEAVES else table


def _named(spec: DataSpec, field: str) -> Sequence[str]:
    value = getattr(spec, field)
    return value if isinstance(value, list) else [] if value is None else [value]


def _steps(table: RawTable, name: str) -> tuple[str, tuple[Step, ...]]:
    """The column that a name leads into, and the steps in it; no steps for a plain name."""
    steps = steps_of(name)
    if name in table.frame.columns or len(steps) < 2 or steps[0] not in table.frame.columns:
        return name, ()
    return str(steps[0]), steps[1:]


def _leads(table: RawTable, name: str) -> bool:
    return bool(_steps(table, name)[1])


def _lost(table: RawTable, field: str, name: str) -> Problem | None:
    root, steps = _steps(table, name)
    if not steps:
        return None
    where = astray(table.frame[root].to_list(), root, steps)
    if not where:
        return None
    return Problem(f"data.{field}", f"in {table.source}, {where}", "a path that a record has", "correct the path")


def _added(table: RawTable, paths: Iterable[str]) -> RawTable:
    columns = {}
    for path in paths:
        root, steps = _steps(table, path)
        columns[path] = [walked(value, steps) for value in table.frame[root].to_list()]
    if not columns:
        return table
    made = frame_of(columns, table.frame[LINE].to_list()).drop(LINE)
    return replace(table, frame=table.frame.hstack(made))
