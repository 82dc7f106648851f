"""All systems on the frozen test rows: scores, comparisons and what to beware of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tunewright.core.metrics import less_is_better
from tunewright.core.results import UNTUNED, Results
from tunewright.evaluation.bootstrap import independent
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.multiplicity import hints
from tunewright.evaluation.outdone import outdone
from tunewright.evaluation.paired import check_same_rows, compare
from tunewright.evaluation.power import POWER, minimum_detectable_difference
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.tallies import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.core.predictions import ClassPredictions
    from tunewright.core.results import Comparison, Gap, Retention, SystemScores
    from tunewright.recipe.judge import EvaluationSpec

COMPARED = ("accuracy", "macro_f1")
"""Metrics on which the tuned model is always compared."""

FEW_ROWS = 100
"""Below this many test rows the results say how large a difference they could show at all."""

FEW_CLUSTERS = 30
"""Below this many clusters, intervals rest on too few independent pieces to be taken at their word."""

LARGE_CLASS = 0.8
"""Where one class holds more of the test rows than this, always answering it looks good by accuracy."""


@dataclass(frozen=True, slots=True)
class System:
    """One system under test, with its predictions on the test rows."""

    name: str
    title: str
    """How people read it."""
    role: Literal["baseline", "base", "tuned"]
    predictions: ClassPredictions


def assemble(  # noqa: PLR0913  # everything that stands in the results
    systems: Sequence[System],
    *,
    headline: str,
    spec: EvaluationSpec,
    seed: int,
    gap: Gap | None,
    compared: Sequence[str] = COMPARED,
    earlier_test: Retention | None = None,
    base: str = UNTUNED,
) -> Results:
    """Every system scored on the same rows, the tuned one compared with each of the others, the base first.

    `compared` names the metrics compared, beside the headline; give those that the gate asks for. `base` says what the
    tuned model began as. Raises ValueError for other than one tuned system, repeated names, an unknown metric, or rows
    that differ.
    """
    tuned = _check(systems, [headline, *compared])
    settings = ScoreSettings(spec.confidence, spec.resamples, seed)
    scores = tuple(
        score_system(s.predictions, name=s.name, title=s.title, role=s.role, settings=settings) for s in systems
    )
    opponents = sorted((s for s in systems if s is not tuned), key=lambda s: s.role != "base")
    comparisons = tuple(
        compare(
            tuned.predictions,
            opponent.predictions,
            metric=metric,
            system=tuned.name,
            against=opponent.name,
            settings=settings,
        )
        for opponent in opponents
        for metric in dict.fromkeys([headline, *compared])
    )
    titles = {system.name: system.title for system in systems}
    return Results(
        task="classification",
        n=len(tuned.predictions.row_ids),
        labels=tuned.predictions.labels,
        headline=headline,
        systems=scores,
        comparisons=comparisons,
        gap=gap,
        warnings=tuple(_warnings(tuned.predictions, comparisons, titles, alpha=round(1 - spec.confidence, 9))),
        confidence=spec.confidence,
        earlier_test=earlier_test,
        base=base,
    )


def base_of(systems: Sequence[SystemScores]) -> SystemScores | None:
    """The untuned base, where it was scored."""
    return next((system for system in systems if system.role == "base"), None)


def best_baseline(systems: Sequence[SystemScores], metric: str) -> SystemScores | None:
    """The baseline with the best score by the metric, the first of equals; None where no baseline has a known one."""
    sign = -1 if less_is_better(metric) else 1
    scored = [(system.name, system.metrics[metric].value) for system in systems if metric in system.metrics]
    known = {name: sign * value for name, value in scored if value is not None}
    baselines = [system for system in systems if system.role == "baseline" and system.name in known]
    return max(baselines, key=lambda system: known[system.name], default=None)


def _check(systems: Sequence[System], metrics: Sequence[str]) -> System:
    tuned = [system for system in systems if system.role == "tuned"]
    repeated = [name for name, count in Counter(system.name for system in systems).items() if count > 1]
    unknown = [metric for metric in metrics if metric not in METRICS]
    if len(tuned) != 1 or sum(system.role == "base" for system in systems) > 1:
        raise ValueError(f"one tuned system and at most one base, not {[(s.name, s.role) for s in systems]}")
    if repeated:
        raise ValueError(f"systems of the same name: {repeated}")
    if unknown:
        raise ValueError(f"unknown metrics {unknown}: any of {', '.join(METRICS)}")
    for system in systems:
        check_same_rows(tuned[0].predictions, system.predictions)
    return tuned[0]


def _warnings(
    rows: ClassPredictions, comparisons: Sequence[Comparison], titles: Mapping[str, str], *, alpha: float
) -> Iterator[str]:
    n = len(rows.row_ids)
    counts = Counter(rows.labels[target] for target in rows.targets_N)
    missing = [label for label in rows.labels if label not in counts]
    if n < FEW_ROWS:
        yield _few_rows(n, comparisons, alpha)
    if not independent(rows.clusters) and len(set(rows.clusters)) < FEW_CLUSTERS:
        yield (
            f"The {n} test rows form only {len(set(rows.clusters))} clusters: intervals rest on those, and are wide; "
            "test on rows of more groups."
        )
    if missing:
        yield (
            f"No test rows of {len(missing)} of {len(rows.labels)} classes ({_listed(missing)}): their recall is "
            "unknown and macro metrics leave them out; add test rows of each class."
        )
    if counts and (most := counts.most_common(1)[0])[1] / n > LARGE_CLASS:
        yield (
            f"Accuracy flatters on these labels: always answering {most[0]!r} is right on {most[1] / n:.1%} of the "
            "test rows; read macro F1."
        )
    yield from outdone(comparisons, titles)
    yield from hints(comparisons, titles, alpha=alpha)


def _few_rows(n: int, comparisons: Sequence[Comparison], alpha: float) -> str:
    warning = f"The test split has only {n} rows"
    discordant = next(((c.gained + c.lost) / n for c in comparisons if n), 0.0)
    detectable = minimum_detectable_difference(n, discordant, alpha=alpha)
    remedy = "add test rows before trusting a verdict."
    if detectable is None:
        return f"{warning}: with so few answers that differ, no difference in accuracy could be shown; {remedy}"
    return (
        f"{warning}: at the {discordant:.0%} of rows where one system is right and the other wrong, only a "
        f"difference in accuracy of {detectable:.3f} or more is found with a chance of {POWER:.0%}; {remedy}"
    )


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
