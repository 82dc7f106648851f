"""All systems of a counted task on the frozen test rows: scores, comparisons and what to beware of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence  # noqa: TC003  # types of the frozen records below
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunewright.core.results import UNTUNED, ClassScore, Gap, Results, SystemScores
from tunewright.evaluation.bootstrap import independent
from tunewright.evaluation.counted import Counted, Role, check_same, compare_counted, counted_estimates
from tunewright.evaluation.counted_tasks import METRICS
from tunewright.evaluation.multiplicity import hints
from tunewright.evaluation.outdone import outdone
from tunewright.evaluation.settings import ScoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.recipe.judge import EvaluationSpec

FEW_ROWS, FEW_CLUSTERS = 100, 30
"""Below so many test rows, or clusters of them, intervals are too wide for small gains."""


@dataclass(frozen=True, slots=True)
class CountedSystem:
    """One system under test, with the counts of its predictions on the test rows."""

    name: str
    title: str
    """How people read it."""
    role: Role
    counted: Counted
    per_class: tuple[ClassScore, ...] = ()


@dataclass(frozen=True, slots=True)
class AnsweredSystem:
    """One system under test, with its predictions on the test rows, which are counted anew for any part of them."""

    name: str
    title: str
    """How people read it."""
    role: Role
    predictions: Any
    """The record of predictions of the task's kind of answers."""

    def counted(
        self, count: Callable[[Any], Counted], per_class: Callable[[Any], tuple[ClassScore, ...]]
    ) -> CountedSystem:
        """The system with the counts and the scores by class of its predictions."""
        found = self.predictions
        return CountedSystem(self.name, self.title, self.role, count(found), per_class(found))


def score_counted(system: CountedSystem, task: str, settings: ScoreSettings) -> SystemScores:
    """All scores of one system."""
    estimates = counted_estimates(system.counted, METRICS[task], stream=system.name, settings=settings)
    return SystemScores(system.name, system.title, system.role, estimates, system.per_class)


def assemble_counted(  # noqa: PLR0913  # everything that stands in the results
    systems: Sequence[CountedSystem],
    *,
    task: str,
    headline: str,
    compared: Sequence[str],
    spec: EvaluationSpec,
    seed: int,
    gap: Gap | None,
    labels: tuple[str, ...] = (),
    warnings: Sequence[str] = (),
    base: str = UNTUNED,
) -> Results:
    """Every system scored on the same rows, the tuned one compared with each of the others, the base first.

    `compared` names the metrics compared, beside the headline. Raises ValueError for other than one tuned system,
    repeated names, an unknown metric, or rows that differ.
    """
    tuned = _check(systems, [headline, *compared], task)
    settings = ScoreSettings(spec.confidence, spec.resamples, seed)
    opponents = sorted((s for s in systems if s is not tuned), key=lambda s: s.role != "base")
    comparisons = tuple(
        compare_counted(
            tuned.counted,
            opponent.counted,
            metric,
            METRICS[task][metric],
            system=tuned.name,
            against=opponent.name,
            settings=settings,
        )
        for opponent in opponents
        for metric in dict.fromkeys([headline, *compared])
    )
    titles = {system.name: system.title for system in systems}
    return Results(
        task=task,
        n=len(tuned.counted.row_ids),
        labels=labels,
        headline=headline,
        systems=tuple(score_counted(system, task, settings) for system in systems),
        comparisons=comparisons,
        gap=gap,
        warnings=(
            *_few(tuned.counted),
            *warnings,
            *outdone(comparisons, titles),
            *hints(comparisons, titles, alpha=round(1 - spec.confidence, 9)),
        ),
        confidence=spec.confidence,
        base=base,
    )


def _check(systems: Sequence[CountedSystem], metrics: Sequence[str], task: str) -> CountedSystem:
    tuned = [system for system in systems if system.role == "tuned"]
    repeated = [name for name, count in Counter(system.name for system in systems).items() if count > 1]
    unknown = [metric for metric in metrics if metric not in METRICS[task]]
    if len(tuned) != 1 or sum(system.role == "base" for system in systems) > 1:
        raise ValueError(f"one tuned system and at most one base, not {[(s.name, s.role) for s in systems]}")
    if repeated:
        raise ValueError(f"systems of the same name: {repeated}")
    if unknown:
        raise ValueError(f"unknown metrics {unknown}: {task} has {', '.join(METRICS[task])}")
    for system in systems:
        check_same(tuned[0].counted, system.counted)
    return tuned[0]


def _few(rows: Counted) -> Iterator[str]:
    n, clusters = len(rows.row_ids), len(set(rows.clusters))
    if n < FEW_ROWS:
        yield (
            f"The test split has only {n} rows: intervals are wide, and a small gain cannot be shown; add test rows "
            "before trusting a verdict."
        )
    if not independent(rows.clusters) and clusters < FEW_CLUSTERS:
        yield (
            f"The {n} test rows form only {clusters} clusters: intervals rest on those, and are wide; test on rows of "
            "more groups."
        )
