"""The condition that no part of the test may lose by tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.errors import Problem
from tunewright.core.metrics import less_is_better
from tunewright.core.results import ConditionOutcome, Outcome
from tunewright.core.titles import metric_title
from tunewright.evaluation.intervals import known
from tunewright.evaluation.slices import harmed, named
from tunewright.evaluation.wording import condition_title
from tunewright.recipe.judge import PartsKept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tunewright.core.results import Results, Slice
    from tunewright.recipe.judge import ConditionSpec, EvaluationSpec

SHOWN = 3


def decide_parts(condition: PartsKept, results: Results) -> ConditionOutcome:
    """FAIL where a part surely lost more than the condition allows, by its whole interval and by the paired test that
    is corrected for all parts; PASS where no part's interval reaches such a loss; else UNKNOWN.
    """
    title, metric = condition_title(condition), metric_title(results.headline)
    parts = [part for part in results.slices if part.n]
    if not parts:
        found = "The test was not scored by parts."
        return ConditionOutcome(
            title, Outcome.UNKNOWN, found, "Name columns under evaluation.slices, and evaluate again."
        )
    sure = [part for part, _ in harmed(results.slices, results.headline, alpha=round(1 - results.confidence, 9))]
    lost = [part for part in sure if _losses(part, results.headline)[0] > condition.at_most]
    if lost:
        found = f"{len(lost)} of {len(parts)} parts lost more by {metric}: {_listed(lost)}."
        advice = "Train on more rows of these parts, or weigh them more (data.balance with their column)."
        return ConditionOutcome(title, Outcome.FAIL, found, advice)
    open_ = [part for part in parts if _losses(part, results.headline)[1] > condition.at_most]
    if open_:
        found = f"{len(open_)} of {len(parts)} parts may have lost more by {metric}: {_listed(open_)}."
        advice = "Add test rows of these parts, allow more (gate.conditions, at_most), or part the test less finely."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, advice)
    found = f"The intervals of all {len(parts)} parts reach no larger loss by {metric}."
    return ConditionOutcome(title, Outcome.PASS, found)


def impossible_parts(conditions: Sequence[ConditionSpec], spec: EvaluationSpec) -> Iterator[Problem]:
    """The condition where no column parts the test."""
    if any(isinstance(condition, PartsKept) for condition in conditions) and not spec.slices:
        given = "kind parts_kept, and evaluation.slices names no column"
        yield Problem("gate.conditions", given, "a test that is parted", "name columns under evaluation.slices")


def _losses(part: Slice, metric: str) -> tuple[float, float]:
    """The least and the largest loss of the interval; without bounds where nothing is known."""
    bounds = known(part.comparison.difference) if part.comparison is not None else None
    if bounds is None:
        return float("-inf"), float("inf")
    low, high = bounds[1]
    return (low, high) if less_is_better(metric) else (-high, -low)


def _listed(parts: Sequence[Slice]) -> str:
    said = [f"where {named(part)} ({_figures(part)})" for part in parts[:SHOWN]]
    more = f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return f"{', '.join(said)}{more}"


def _figures(part: Slice) -> str:
    bounds = known(part.comparison.difference) if part.comparison is not None else None
    if bounds is None:
        return f"unknown, n {part.n:,}"
    value, (low, high) = bounds
    return f"{value:+.3f}, {low:+.3f} to {high:+.3f}, n {part.n:,}"
