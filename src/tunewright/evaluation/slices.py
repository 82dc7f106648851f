"""Scores on parts of the test by a column of the data: a mean can rise while a language, a region or a product loses.

Each column parts the test rows: its largest values with LEAST rows or more, the rows of all others together, and those
without a value. Whether tuning did harm to a part is asked for every part of every column at once, so that many parts
do not find one by chance (Holm 1979).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tunewright.core.metrics import less_is_better
from tunewright.core.results import Slice
from tunewright.core.titles import metric_title
from tunewright.evaluation.multiplicity import holm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tunewright.core.results import Results
    from tunewright.evaluation.assemble_counted import AnsweredSystem
    from tunewright.evaluation.evaluate import System
    from tunewright.evaluation.evaluate_texts import TextSystem

LEAST = 20
"""Test rows of a value below which it is no part of its own: nothing could be said of so few."""
MOST = 12
"""Values of a column that are parts of their own, the most frequent."""
ABSENT = "(no value)"
LONGEST = 60
"""Characters of a value that a sentence shows."""

AnySystem = TypeVar("AnySystem", "System", "TextSystem", "AnsweredSystem")


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the test rows."""

    column: str
    value: str
    rows: frozenset[str]
    """Their ids."""


def parts_by(column: str, values: Mapping[str, str | None]) -> tuple[Part, ...]:
    """The parts of the test rows by a column, given the value of each row id; the largest first, each row in one."""
    counts = Counter(value for value in values.values() if value is not None)
    named = [value for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= LEAST]
    named = named[:MOST]
    others = f"({len(counts) - len(named):,} other values)"
    title = {value: value if value in named else others for value in counts}
    held: dict[str, set[str]] = {value: set() for value in (*named, others, ABSENT)}
    for row, value in values.items():
        held[ABSENT if value is None else title[value]].add(row)
    return tuple(Part(column, value, frozenset(rows)) for value, rows in held.items() if rows)


def with_slices(
    results: Results,
    systems: Sequence[AnySystem],
    parts: Sequence[Part],
    assembled: Callable[[Sequence[AnySystem]], Results],
) -> Results:
    """The results with the tuned model and its base scored on each part, and a warning of parts that tuning harmed.

    `assembled` scores systems as the whole test was scored.
    """
    both = [system for system in systems if system.role in {"tuned", "base"}]
    found = tuple(_slice(results.headline, both, part, assembled) for part in parts)
    lost = harmed(found, results.headline, alpha=round(1 - results.confidence, 9))
    told = tuple(_told(part, p_value, metric=results.headline, parts=found) for part, p_value in lost)
    return replace(results, slices=found, warnings=results.warnings + told)


def _slice(
    metric: str, systems: Sequence[AnySystem], part: Part, assembled: Callable[[Sequence[AnySystem]], Results]
) -> Slice:
    held_N = np.array([row in part.rows for row in systems[0].predictions.row_ids], dtype=np.bool_)
    if not held_N.any():  # its rows are further references of prompts that another part has
        return Slice(part.column, part.value, 0, None)
    scored = assembled([replace(system, predictions=system.predictions.where(held_N)) for system in systems])
    estimates = {system.role: system.metrics[metric] for system in scored.systems if metric in system.metrics}
    compared = next((c for c in scored.comparisons if c.metric == metric), None)
    return Slice(part.column, part.value, scored.n, estimates.get("tuned"), estimates.get("base"), compared)


def harmed(slices: Sequence[Slice], metric: str, *, alpha: float) -> list[tuple[Slice, float]]:
    """The parts on which the tuned model is surely worse than its base, with their p-values corrected for all parts."""
    sign = -1 if less_is_better(metric) else 1
    tested = [(part, part.comparison) for part in slices if part.comparison and part.comparison.p_value is not None]
    adjusted = holm([compared.p_value for _, compared in tested if compared.p_value is not None])
    return [
        (part, p_value)
        for (part, compared), p_value in zip(tested, adjusted, strict=True)
        if p_value < alpha and sign * (compared.difference.value or 0.0) < 0
    ]


def named(part: Slice) -> str:
    """The part in a sentence: its column, and its value or the beginning of it."""
    value = part.value if len(part.value) <= LONGEST else f"{part.value[: LONGEST - 1]}…"
    return f"{part.column} is {value}"


def _told(part: Slice, p_value: float, *, metric: str, parts: Sequence[Slice]) -> str:
    assert part.comparison is not None, "a part that was harmed was compared"
    tested = sum(one.comparison is not None and one.comparison.p_value is not None for one in parts)
    return (
        f"Tuning did harm where {named(part)}: {metric_title(metric)} changed by "
        f"{part.comparison.difference.value:+.3f} on {part.n:,} test rows (p = {p_value:.3g}, corrected for {tested} "
        "parts by Holm)."
    )
