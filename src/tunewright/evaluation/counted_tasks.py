"""The tasks whose scores are counted (`evaluation.counted`): their metrics, what the gate asks of them by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from tunewright.core.errors import Problem
from tunewright.evaluation import label_sets, numbers, spans
from tunewright.recipe.judge import BetterThan, ClassFloor, Floor, PartsKept, Retention

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.evaluation.counted import CountMetric
    from tunewright.recipe.judge import ConditionSpec, EvaluationSpec

METRICS: Final[Mapping[str, Mapping[str, CountMetric]]] = {
    "regression": numbers.METRICS,
    "multilabel": label_sets.METRICS,
    "token_classification": spans.METRICS,
}
"""Task to its metrics, in the order in which tables show them."""

WITH_CLASSES: Final[frozenset[str]] = frozenset({"multilabel", "token_classification"})
"""Of these, tasks that score each class by itself."""

BASES: Final[Mapping[str, str]] = dict.fromkeys(METRICS, "probe")
"""Task to the word of `evaluation.baselines` that is the base's score."""

IMBALANCED = 1.5
"""Rows of the most frequent label over rows of the rarest from which on labels count as imbalanced."""

CLASS_FLOOR = 0.2
"""Recall that every label must reach by default: below it the label was given up."""

PLACE = "gate.conditions"
WHOSE = "the gate (by the task's own conditions where the recipe names none)"


def number_conditions() -> list[ConditionSpec]:
    """Smaller errors than the base's, and for certain better than always saying the mean."""
    return [BetterThan(system="base", metric="rmse"), Floor(metric="r2", at_least=0.0)]


def set_headline(imbalance_ratio: float | None) -> Literal["micro_f1", "macro_f1"]:
    """Macro F1 where labels differ in size or nobody knows, else micro F1."""
    return "micro_f1" if imbalance_ratio is not None and imbalance_ratio <= IMBALANCED else "macro_f1"


def set_conditions(imbalance_ratio: float | None) -> list[ConditionSpec]:
    """Better than the base, and no label given up."""
    floor = ClassFloor(metric="recall", at_least=CLASS_FLOOR)
    return [BetterThan(system="base", metric=set_headline(imbalance_ratio)), floor]


def span_conditions() -> list[ConditionSpec]:
    """Better than the base and than what any simple system does, and no label given up."""
    better: list[ConditionSpec] = [BetterThan(system=system, metric="micro_f1") for system in ("base", "best_baseline")]
    return [*better, ClassFloor(metric="recall", at_least=CLASS_FLOOR)]


def impossible_for_counted(conditions: Sequence[ConditionSpec], spec: EvaluationSpec, task: str) -> Iterator[Problem]:
    """What stands in the way of each condition that no model could pass."""
    base = BASES[task]
    for condition in conditions:
        if isinstance(condition, Retention):
            given = f"kind retention, and the task {task} scores neither general text nor an earlier test"
            yield Problem(PLACE, given, "better_than or floor", "remove it")
        elif isinstance(condition, ClassFloor):
            if task not in WITH_CLASSES:
                yield Problem(PLACE, f"kind class_floor, and the task {task} has no classes", "", "remove it")
        elif isinstance(condition, PartsKept):
            continue  # which parts there are does not go by the task
        elif condition.metric not in METRICS[task]:
            given = f"metric {condition.metric!r}, which the task {task} does not have"
            yield Problem(PLACE, given, f"one of: {', '.join(METRICS[task])}", "name one of these under `metric`")
        elif isinstance(condition, BetterThan) and spec.baselines is not None:
            yield from _without_opponent(condition, spec.baselines, base)


def _without_opponent(condition: BetterThan, baselines: Sequence[str], base: str) -> Iterator[Problem]:
    if condition.system == "base" and base not in baselines:
        given = f"{WHOSE} compares with the base, and evaluation.baselines leaves out {base!r}, the base's score"
        remedy = f"add {base!r} to evaluation.baselines, or write gate.conditions without the base"
        yield Problem(PLACE, given, "an opponent that is scored", remedy)
    if condition.system == "best_baseline" and set(baselines) == {base}:
        given = f"{WHOSE} compares with the best baseline, and evaluation.baselines holds {base!r}, the base, alone"
        remedy = "add another to evaluation.baselines, or compare with the base"
        yield Problem(PLACE, given, "an opponent that is scored", remedy)
