"""Columns that a person names in the place of those that a first look proposes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.data.label_columns import label_columns
from tunewright.data.number_columns import number_columns
from tunewright.data.proposals import Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.describe import SniffedColumn
    from tunewright.data.proposals import Family, Proposals
    from tunewright.recipe.named import Named
    from tunewright.recipe.recipe import TaskName

SHOWN = 30


def with_named(
    found: Proposals,
    named: Named,
    columns: Sequence[SniffedColumn],
    *,
    source: str,
    family: Family | None = None,
    task: TaskName | None = None,
) -> Proposals:
    """The proposals with the columns that are named, and the task that these serve unless one is named as `task`.

    Raises RecipeError for columns that the file lacks.
    """
    asked = {field: name for field in ("input", "target") if (name := getattr(named, field)) is not None}
    if not asked:
        return found
    _require(asked, columns, source)
    chosen = {field: Proposal(name, f"named by --{field}") for field, name in asked.items()}
    text = chosen.get("input", found.input)
    target = chosen.get("target", found.target)
    if target is not None and "target" not in chosen and text is not None and target.column in text.columns:
        target = None
    if text is not None and "input" not in chosen and target is not None and target.column in text.columns:
        text = None
    kept = task or _served(found, text, target, columns, family)
    return replace(
        found,
        input=text,
        target=target,
        messages=None,
        system=found.system if kept == "generation" else None,
        tools=found.tools if kept == "generation" else None,
        group=_beside(found.group, (text, target)),
        time=_beside(found.time, (text, target)),
        id=_beside(found.id, (text, target)),
        task=kept,
        task_reason=_reason(asked, found, kept),
        alternatives=(),
        findings=() if "target" in chosen else found.findings,
    )


def _require(asked: dict[str, str], columns: Sequence[SniffedColumn], source: str) -> None:
    """Raises RecipeError for names that no column bears."""
    present = [column.name for column in columns]
    more = f" and {len(present) - SHOWN} more" if len(present) > SHOWN else ""
    expected = f"one of: {', '.join(present[:SHOWN])}{more}"
    problems = [
        Problem(f"--{field}", f"{source} has no column {name!r}{did_you_mean(name, present)}", expected, "correct it")
        for field, name in asked.items()
        if name not in present
    ]
    if problems:
        raise RecipeError(*problems)


def _served(
    found: Proposals,
    text: Proposal | None,
    target: Proposal | None,
    columns: Sequence[SniffedColumn],
    family: Family | None,
) -> TaskName | None:
    """The task that the columns serve: by what the target holds, for it is what is learned."""
    if text is None:
        return None
    if target is None:
        return "language_modelling" if found.task == "language_modelling" else None
    if found.target is not None and found.target.column == target.column and found.task is not None:
        return found.task
    if label_columns([column for column in columns if column.name == target.column]):
        return "classification"
    if number_columns([column for column in columns if column.name == target.column]):
        return "regression"
    return "text_to_text" if family == "seq2seq" else "generation"


def _beside(proposal: Proposal | None, taken: Sequence[Proposal | None]) -> Proposal | None:
    """A proposal of a column that is not taken for anything else."""
    names = {name for other in taken if other is not None for name in other.columns}
    return None if proposal is not None and proposal.column in names else proposal


def _reason(asked: dict[str, str], found: Proposals, task: TaskName | None) -> str:
    said = " and ".join(f"{name!r} by --{field}" for field, name in asked.items())
    if task is None:
        return f"{said} alone says no task: name --input and --target, or --task; {found.task_reason}"
    return f"{said}; {task} is what such columns serve"
