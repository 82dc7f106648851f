"""Which columns to use, by their names and by what they hold, each with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tunewright.data.words import column_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.describe import SniffedColumn

MAX_LABEL_SHARE = 0.2
"""Labels repeat: a column with more different values than this share of its rows holds something else."""
MAX_LABEL_CHARS = 60
FEW_ROWS = 50
"""In so small a file, half of the values may differ and still be labels."""

_IDENTIFIER = re.compile(r"(^|[\W_])[iI][dD]$|[a-z]I[dD]$")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A column, and in one sentence why it."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Proposals:
    """The columns of a file by what they seem to hold."""

    input: Proposal | None
    target: Proposal | None
    group: Proposal | None
    time: Proposal | None
    id: Proposal | None
    task: Literal["classification"] | None
    task_reason: str
    alternatives: tuple[str, ...]


def propose(columns: Sequence[SniffedColumn]) -> Proposals:
    """The proposals for a file with these columns."""
    text = _best_text(columns)
    others = [column for column in columns if text is None or column.name != text.name]
    labels = sorted((c for c in others if _may_be_label(c)), key=_label_score, reverse=True)
    label = labels[0] if labels and _label_score(labels[0]) > 0 else None
    rest = [column for column in others if column is not label]
    alternatives = [
        f"{c.name!r} could also be the label ({c.distinct:,} different values)"
        for c in labels[1:4]
        if label is not None and _label_score(c) > 0
    ]
    unused = [c for c in rest if label is not None and c.kind == "text" and c.folded in _flat("input")]
    alternatives += [f"{c.name!r} holds free text too, which is not used" for c in unused if c.missing_share < 0.5]
    answers = [c for c in rest if c.kind == "text" and c.folded in _flat("text")]
    alternatives += [f"{c.name!r} holds texts that a model could learn to write: task text_to_text" for c in answers]
    task, reason = _task(text, label, rest)
    return Proposals(
        input=_input(text),
        target=_target(label),
        group=_group(rest),
        time=_time(rest),
        id=_id(rest),
        task=task,
        task_reason=reason,
        alternatives=tuple(alternatives),
    )


def _flat(role: str) -> tuple[str, ...]:
    return tuple(name for rank in column_names(role) for name in rank)


def _best_text(columns: Sequence[SniffedColumn]) -> SniffedColumn | None:
    """Free text: many words, most values different, few missing; a telling name counts threefold."""

    def score(column: SniffedColumn) -> float:
        named = 3.0 if column.folded in _flat("input") else 0.5 if column.folded in _flat("text") else 1.0
        return named * column.mean_words * column.distinct_share * (1 - column.missing_share)

    named = [c for c in columns if c.kind == "words" and c.folded in _flat("input") and c.distinct_share > 0.5]
    candidates = [c for c in columns if c.kind == "text" and c.missing_share < 0.5] or named
    return max(candidates, key=score, default=None)


def _may_be_label(column: SniffedColumn) -> bool:
    share = 0.5 if column.filled <= FEW_ROWS else MAX_LABEL_SHARE
    return (
        column.kind in {"words", "number", "text"}
        and 2 <= column.distinct <= max(2, share * column.filled)
        and column.mean_chars <= MAX_LABEL_CHARS
        and column.missing_share < 0.5
        and not any("." in example for example in column.examples if column.kind == "number")
    )


def _label_score(column: SniffedColumn) -> float:
    """Names count most; then words before numbers, and values that repeat often before those that do not."""
    known = _flat("label")
    named = 3.0 - known.index(column.folded) * 0.01 if column.folded in known else 0.0
    elsewhere = (*_flat("other"), *_flat("group"), *_flat("id"), *_flat("time"))
    other = -3.0 if column.folded in elsewhere or _IDENTIFIER.search(column.name) else 0.0
    kind = {"words": 1.0, "number": 0.3}.get(column.kind, 0.2)
    return named + other + kind - 0.1 * column.distinct_share


def _input(text: SniffedColumn | None) -> Proposal | None:
    if text is None:
        return None
    named = ", and its name says so" if text.folded in _flat("input") else ""
    reason = (
        f"free text of {text.mean_words:.0f} words on average, {text.distinct:,} different values "
        f"in {text.filled:,} rows{named}"
    )
    return Proposal(text.name, reason)


def _target(label: SniffedColumn | None) -> Proposal | None:
    if label is None:
        return None
    named = ", and its name says so" if label.folded in _flat("label") else ""
    values = ", ".join(map(repr, label.examples))
    return Proposal(label.name, f"{label.distinct:,} different short values that repeat, such as {values}{named}")


def _group(rest: Sequence[SniffedColumn]) -> Proposal | None:
    for column in rest:
        if column.folded in _flat("group") and 1 < column.distinct < 0.95 * column.filled:
            many = column.filled / column.distinct
            reason = (
                f"its name says whom a row belongs to, and each of {column.distinct:,} has {many:.1f} rows on average"
            )
            return Proposal(column.name, reason)
    return None


def _time(rest: Sequence[SniffedColumn]) -> Proposal | None:
    dates = [column for column in rest if column.kind == "date" and column.missing_share < 0.5]
    if not dates:
        return None
    chosen = next((column for column in dates if column.folded in _flat("time")), dates[0])
    return Proposal(chosen.name, f"dates, such as {chosen.examples[0]!r}")


def _id(rest: Sequence[SniffedColumn]) -> Proposal | None:
    for column in rest:
        unique = not column.missing and column.distinct == column.filled
        if unique and column.folded in _flat("id"):
            return Proposal(column.name, "its name says so, and every value is different")
    return None


def _task(
    text: SniffedColumn | None, label: SniffedColumn | None, rest: Sequence[SniffedColumn]
) -> tuple[Literal["classification"] | None, str]:
    if text is None:
        return None, "no column holds free text"
    if label is not None:
        reason = f"{text.name!r} holds texts, {label.name!r} one of {label.distinct:,} labels for each"
        return "classification", reason
    second = next((column for column in rest if column.kind == "text" and column.missing_share < 0.5), None)
    if second is not None:
        return None, f"{text.name!r} and {second.name!r} both hold free text: pairs of texts, not labels"
    return None, f"no column beside {text.name!r} holds a few values that repeat, as labels do"
