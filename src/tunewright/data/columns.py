"""Which column holds what: as the recipe says, else by names that leave no doubt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.data.frame import LINE
from tunewright.data.words import column_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.data.read import RawTable
    from tunewright.recipe.data import DataSpec


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table by what they hold; `None` where the table has none."""

    input: str
    target: str
    group: str | None = None
    time: str | None = None
    id: str | None = None

    @property
    def named(self) -> Mapping[str, str]:
        """Field of the recipe to column, of those there are."""
        fields = {"input": self.input, "target": self.target, "group": self.group, "time": self.time, "id": self.id}
        return {field: column for field, column in fields.items() if column is not None}


def resolve_columns(table: RawTable, spec: DataSpec, task: str) -> Columns:
    """The columns that the recipe names, else those that their names give away.

    Raises RecipeError listing every field whose column is absent, doubtful or taken twice.
    """
    present = [name for name in table.frame.columns if name != LINE]
    problems: list[Problem] = []
    given = {field: getattr(spec, field) for field in ("input", "target", "group", "time", "id")}
    for field, column in given.items():
        if column is not None and column not in present:
            problems.append(_absent(field, column, present, table.source))
    names = {"input": column_names("input"), "target": column_names("label" if task == "classification" else "text")}
    taken = {column for column in given.values() if column is not None}
    for field, ranks in names.items():
        if given[field] is None:
            found = recognised([name for name in present if name not in taken], ranks)
            given[field] = found[0] if len(found) == 1 else None
            if len(found) != 1:
                problems.append(_doubtful(field, found, present, table.source))
    if given["input"] is not None and given["input"] == given["target"]:
        message = f"both name the column {given['input']!r}"
        problems.append(Problem("data.input and data.target", message, "two columns", "name the other column"))
    if problems:
        raise RecipeError(*problems)
    return Columns(**given)


def recognised(columns: Sequence[str], ranks: Sequence[Sequence[str]]) -> list[str]:
    """The columns whose names are of the first rank that any of them has; case and separators do not matter."""
    for rank in ranks:
        found = [column for column in columns if fold_name(column) in rank]
        if found:
            return found
    return []


def fold_name(name: str) -> str:
    """A column name without case and separators."""
    return re.sub(r"[\W_]+", "", name).casefold()


def require_columns(table: RawTable, columns: Columns, *, place: str, fields: Sequence[str]) -> None:
    """Raises RecipeError when the table of another split lacks a column that training rows have."""
    present = [name for name in table.frame.columns if name != LINE]
    missing = [columns.named[field] for field in fields if field in columns.named]
    problems = [
        Problem(
            place,
            f"{table.source} has no column {column!r}{did_you_mean(column, present)}",
            f"the columns of data.train; found: {_listed(present)}",
            "rename the column in the file",
        )
        for column in missing
        if column not in present
    ]
    if problems:
        raise RecipeError(*problems)


def _absent(field: str, column: str, present: Sequence[str], source: str) -> Problem:
    given = f"{source} has no column {column!r}{did_you_mean(column, present)}"
    return Problem(f"data.{field}", given, f"one of: {_listed(present)}", "correct the name")


def _doubtful(field: str, found: Sequence[str], present: Sequence[str], source: str) -> Problem:
    what = "text" if field == "input" else "label"
    given = (
        f"{source} has several columns that could hold the {what}: {_listed(found)}"
        if found
        else f"no column of {source} has a name that says it holds the {what}"
    )
    remedy = f"write `data.{field}: NAME`; is the first line of the file a header?"
    return Problem(f"data.{field}", given, f"one of: {_listed(present)}", remedy)


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:30])
    return f"{shown} and {len(columns) - 30} more" if len(columns) > 30 else shown
