"""Which column holds what: as the recipe says, else by names that leave no doubt."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.data import shapes
from tunewright.data.doubts import HEADED
from tunewright.data.formats import RAW
from tunewright.data.words import column_names, fold_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.data.read import RawTable
    from tunewright.recipe.data import DataSpec

__all__ = ["Columns", "fold_name", "recognised", "require_columns", "resolve_columns"]

Given = dict[str, tuple[str, ...]]
"""Field of the recipe to the columns it names, of those that it names."""

TARGETS: Mapping[str, str] = {
    "classification": "label",
    "regression": "number",
    "multilabel": "label",
    "token_classification": "spans",
    "generation": "answer",
    "text_to_text": "answer",
}
"""Task to what its target is; the role in the word list has the same name."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table by what they hold; empty or None where the table has none."""

    input: tuple[str, ...] = ()
    """Several are joined by a blank line."""
    target: str | None = None
    messages: str | None = None
    system: str | None = None
    tools: str | None = None
    group: str | None = None
    time: str | None = None
    id: str | None = None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Field of the recipe and column, of all there are."""
        held = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return tuple(
            (name, column)
            for name, value in held
            for column in (value if isinstance(value, tuple) else (value,))
            if column is not None
        )

    @property
    def asked(self) -> str:
        """The columns of what a model is given, in words."""
        return self.messages or " + ".join(self.input)


def resolve_columns(table: RawTable, spec: DataSpec, task: str) -> Columns:
    """The columns that the recipe names, else those that their names give away.

    Raises RecipeError listing every field whose column is absent, doubtful, taken twice, or of another task.
    """
    present = shapes.columns_of(table.frame)
    given = _given(spec)
    problems = [
        _absent(field, column, present, table.source)
        for field, columns in given.items()
        for column in columns
        if column not in present
    ]
    problems += _misfits(given, task)
    if not problems:
        found, problems = _completed(table, given, task)
        given |= found
    problems = problems or _repeated(given)
    if problems:
        raise RecipeError(*problems)
    single = {field: columns[0] for field, columns in given.items() if field != "input"}
    return Columns(input=given.get("input", ()), **single)


def _given(spec: DataSpec) -> Given:
    found: Given = {}
    for field in fields(Columns):
        value = getattr(spec, field.name)
        if value is not None:
            found[field.name] = tuple(value) if isinstance(value, list) else (value,)
    return found


def _misfits(given: Given, task: str) -> list[Problem]:
    """Fields that the task has no use for, or that exclude one another."""
    problems = []
    if task != "generation":
        problems += [
            Problem(f"data.{field}", f"is given, and the task is {task}", "the task generation", "remove it")
            for field in ("messages", "system", "tools")
            if field in given
        ]
    elif "messages" in given and ("input" in given or "target" in given):
        both = "data.input" if "input" in given else "data.target"
        message = "both say what is asked or answered"
        problems.append(Problem(f"data.messages and {both}", message, "one of the two", f"remove {both}"))
    if task == "language_modelling" and "target" in given:
        message = "is given, and raw text has no target: all of it is learned"
        problems.append(Problem("data.target", message, "no target", "remove it, or write `task: generation`"))
    if task == "token_classification" and len(given.get("input", ())) > 1:
        message = f"names {len(given['input'])} columns, and spans are counted in one text"
        problems.append(Problem("data.input", message, "one column", "name one of them"))
    return problems


def _completed(table: RawTable, given: Given, task: str) -> tuple[Given, list[Problem]]:
    """The fields that the recipe leaves to the names, as far as these leave no doubt."""
    present = shapes.columns_of(table.frame)
    if table.format in RAW and task != "language_modelling":
        message = f"{table.source} is raw text, which has no {TARGETS[task]}"
        remedy = "write `task: language_modelling`, or bring the texts and their answers or labels as CSV or JSONL"
        return {}, [Problem("task", message, "language_modelling", remedy)]
    if task == "generation":
        shape = _generation(table, given)
        if shape is not None:
            return {field: columns for field, columns in shape.items() if field not in given}, []
    if task == "language_modelling":
        return _alone(table, given, "document", "text", present)
    found: Given = {}
    problems: list[Problem] = []
    if task == "text_to_text" and not {"input", "target"} & set(given):
        pairs = shapes.pairs(present)
        if pairs:
            return {field: pairs[0].columns[field] for field in ("input", "target")}, []
    kind = TARGETS[task]
    said = recognised(present, column_names("words")) if task == "token_classification" else []
    for field, role, what in (("input", "words" if said else "input", "text"), ("target", kind, kind)):
        taken = [column for columns in (*given.values(), *found.values()) for column in columns]
        if field not in given:
            one, doubts = _alone(table, given, role, what, [name for name in present if name not in taken], field)
            found, problems = found | one, problems + doubts
    return found, problems


def _generation(table: RawTable, given: Given) -> Given | None:
    """The shape of the table where the recipe says nothing against it; what stands beside the texts either way."""
    present = shapes.columns_of(table.frame)
    taken = [column for columns in given.values() for column in columns]
    beside = shapes.beside(present, taken)
    if "messages" in given:
        return beside
    if not {"input", "target"} & set(given):
        chat = shapes.conversations(table.frame)
        found = [chat] if chat is not None else shapes.pairs(present)
        return dict(found[0].columns) if found else None
    return beside if {"input", "target"} <= set(given) else None


def _alone(
    table: RawTable, given: Given, role: str, what: str, among: Sequence[str], field: str = "input"
) -> tuple[Given, list[Problem]]:
    """The one column whose name says the role."""
    if field in given:
        return {}, []
    found = recognised(among, column_names(role))
    if not found and role == "document" and len(among) == 1 and shapes.conversations(table.frame) is None:
        found = list(among)
    if len(found) == 1:
        return {field: (found[0],)}, []
    return {}, [_doubtful(field, what, found, table)]


def _repeated(given: Given) -> list[Problem]:
    """A column that two fields name."""
    holders: dict[str, str] = {}
    problems = []
    for field, columns in given.items():
        for column in columns:
            if column in holders and {field, holders[column]} & {"input", "target", "messages", "system", "tools"}:
                message = f"both name the column {column!r}"
                place = f"data.{holders[column]} and data.{field}"
                problems.append(Problem(place, message, "two columns", "name the other column"))
            holders.setdefault(column, field)
    return problems


def recognised(columns: Sequence[str], ranks: Sequence[Sequence[str]]) -> list[str]:
    """The columns whose names are of the first rank that any of them has; case and separators do not matter."""
    for rank in ranks:
        found = [column for column in columns if fold_name(column) in rank]
        if found:
            return found
    return []


def require_columns(table: RawTable, columns: Columns, *, place: str) -> None:
    """Raises RecipeError when the table of another split lacks a column that training rows have."""
    present = shapes.columns_of(table.frame)
    problems = [
        Problem(
            place,
            f"{table.source} has no column {column!r}{did_you_mean(column, present)}",
            f"the columns of data.train; found: {_listed(present)}",
            "rename the column in the file",
        )
        for field, column in columns.pairs
        if field != "time" and column not in present
    ]
    if problems:
        raise RecipeError(*problems)


def _absent(field: str, column: str, present: Sequence[str], source: str) -> Problem:
    given = f"{source} has no column {column!r}{did_you_mean(column, present)}"
    return Problem(f"data.{field}", given, f"one of: {_listed(present)}", "correct the name")


def _doubtful(field: str, what: str, found: Sequence[str], table: RawTable) -> Problem:
    given = (
        f"{table.source} has several columns that could hold the {what}: {_listed(found)}"
        if found
        else f"no column of {table.source} has a name that says it holds the {what}"
    )
    looks = shapes.nearest(table.frame) if not found else ""
    headed = table.format in HEADED
    remedy = f"write `data.{field}: NAME`{'; is the first line of the file a header?' if headed else ''}"
    given = f"{given}; {looks}" if looks else given
    expected = f"one of: {_listed(shapes.columns_of(table.frame))}"
    if not found and not looks and what == "answer":
        expected += f"; or columns of a known shape: {', '.join(shapes.names())}"
    return Problem(f"data.{field}", given, expected, remedy)


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:30])
    return f"{shown} and {len(columns) - 30} more" if len(columns) > 30 else shown
