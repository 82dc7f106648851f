"""Raw columns as an audit shows them: what they hold, and which of them nothing can be learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.audit import ColumnProfile
from tunewright.core.rows import Finding
from tunewright.data.faults import counted
from tunewright.data.shapes import flat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.core.audit import Trait
    from tunewright.data.describe import SniffedColumn

NEAR_CONSTANT = 0.99
"""A value that fills so much of a column leaves nothing to learn from the rest."""
IDENTIFIER_SHARE = 0.98
"""A column of short values with so many different ones names its rows rather than describes them."""
LEAST_ROWS = 10
"""In fewer rows, values that all differ or all agree say nothing."""


def column_profiles(columns: Sequence[SniffedColumn], roles: Mapping[str, str]) -> tuple[ColumnProfile, ...]:
    """The columns in figures; `roles` names what some of them are taken for."""
    return tuple(_profile(column, roles.get(column.name, "")) for column in columns)


def column_findings(columns: Sequence[ColumnProfile]) -> list[Finding]:
    """One finding for the columns that hardly vary, and one for those that name their rows."""
    found = []
    still = [c for c in columns if c.trait == "near_constant"]
    if still:
        listed = ", ".join(f"{c.name!r} ({c.top_share:.1%} {c.examples[0]!r})" for c in still)
        message = f"{counted(len(still), 'column')} of almost one value: {listed}"
        remedy = "nothing can be learned from it; where it is the label, collect rows of the others"
        found.append(Finding("near_constant_column", "note", message, len(still), remedy=remedy))
    named = [c for c in columns if c.trait == "identifier" and c.role in {"", "input"}]
    if named:
        listed = ", ".join(repr(c.name) for c in named)
        message = f"{counted(len(named), 'column')} whose values name the rows, like an identifier: {listed}"
        remedy = "keep it out of data.input: a model would learn the rows by heart; `data.id` checks that it is unique"
        severity = "warning" if any(c.role == "input" for c in named) else "note"
        found.append(Finding("identifier_column", severity, message, len(named), remedy=remedy))  # type: ignore[arg-type]
    return found


def _profile(column: SniffedColumn, role: str) -> ColumnProfile:
    top = column.top / column.filled if column.filled and column.kind != "nested" else None
    return ColumnProfile(
        name=column.name,
        kind=column.kind,
        filled=column.filled,
        missing=column.missing,
        distinct=column.distinct,
        examples=column.examples,
        mean_chars=column.mean_chars,
        mean_words=column.mean_words,
        top_share=top,
        trait=_trait(column, top),
        role=role,
    )


def _trait(column: SniffedColumn, top_share: float | None) -> Trait | None:
    if column.kind == "empty":
        return "empty"
    if column.kind == "constant":
        return "constant"
    if column.filled < LEAST_ROWS:
        return None
    if top_share is not None and top_share >= NEAR_CONSTANT:
        return "near_constant"
    short = column.kind in {"words", "number"} and column.mean_words < 2
    whole = column.kind != "number" or not any("." in example for example in column.examples)
    named = column.folded in (*flat("id"), *flat("time"))
    unique = column.distinct_share >= IDENTIFIER_SHARE
    return "identifier" if short and whole and unique and (named or column.kind == "number" or _coded(column)) else None


def _coded(column: SniffedColumn) -> bool:
    """Whether the values look like codes: a digit in each."""
    return all(any(c.isdigit() for c in example) for example in column.examples)
