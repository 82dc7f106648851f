"""Whether the tuned model may ship: all conditions must pass, each decided by intervals and tests, not by bare values.

Shipping needs every condition to pass, each at its own level. That is an intersection-union test (Berger 1982,
Technometrics 24): the chance to ship a model that breaks some condition is at most that condition's level, so no
correction for several conditions is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.results import GateResult, Outcome, Verdict
from tunewright.evaluation.conditions import decide
from tunewright.evaluation.counted_tasks import CLASS_FLOOR, IMBALANCED, impossible_for_counted
from tunewright.evaluation.counted_tasks import METRICS as COUNTED
from tunewright.evaluation.parts_kept import impossible_parts
from tunewright.evaluation.tallies import METRICS, PROPORTIONS
from tunewright.evaluation.text_conditions import default_text_conditions, impossible_for_texts
from tunewright.evaluation.texts import METRICS as TEXT_METRICS
from tunewright.recipe.judge import BetterThan, ClassFloor, Floor, PartsKept, Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tunewright.core.encoded import Layout
    from tunewright.core.results import Results
    from tunewright.recipe.judge import BaselineName, ConditionSpec, EvaluationSpec, MetricName
    from tunewright.recipe.train import TrainSpec

__all__ = [
    "IMBALANCED",
    "compared_metrics",
    "default_conditions",
    "default_text_conditions",
    "judge",
    "require_draws",
    "require_possible",
]

EXACT = (*PROPORTIONS, *(name for name, metric in TEXT_METRICS.items() if metric.is_share))
"""Shares of rows: the exact test compares them where the rows are independent."""


def default_conditions(imbalance_ratio: float | None) -> list[ConditionSpec]:
    """The conditions of a recipe that names none: better than the base, and no class given up.

    By macro F1 on imbalanced labels and where the imbalance is unknown, by accuracy on balanced ones.
    """
    metric: MetricName = "accuracy" if imbalance_ratio is not None and imbalance_ratio <= IMBALANCED else "macro_f1"
    return [BetterThan(system="base", metric=metric), ClassFloor(metric="recall", at_least=CLASS_FLOOR)]


def compared_metrics(conditions: Sequence[ConditionSpec]) -> tuple[str, ...]:
    """The metrics on which systems must be compared for these conditions to be judged."""
    return tuple(dict.fromkeys(c.metric for c in conditions if isinstance(c, BetterThan)))


def require_possible(
    conditions: Sequence[ConditionSpec],
    spec: EvaluationSpec,
    task: str = "classification",
    *,
    going_on: bool = False,
    layout: Layout | None = None,
    base: BaselineName | None = None,
) -> None:
    """Raises RecipeError, naming both fields, for conditions that no model could pass under this evaluation.

    Such as on a metric that the task does not have, on texts that nobody writes, or against a system not scored.
    `going_on` says that the base is an earlier run of this task; `layout` and `base`, the baseline that is the base's
    score, are None where the base is not known.
    """
    if task == "classification":
        bases: tuple[BaselineName, ...] = ("probe", "base") if base is None else (base,)
        problems = [*_not_of_labels(conditions), *_without_opponent(_comparing(conditions), spec, bases)]
    elif task in COUNTED:
        problems = list(impossible_for_counted(conditions, spec, task))
    else:
        problems = list(impossible_for_texts(conditions, spec, task, layout))
    problems += [] if going_on or task in COUNTED else _without_earlier_test(conditions)
    problems += [*_too_few_draws(_comparing(conditions), spec), *impossible_parts(conditions, spec)]
    if problems:
        raise RecipeError(*problems)


def require_draws(conditions: Sequence[ConditionSpec], spec: EvaluationSpec, *, clustered: Callable[[], bool]) -> None:
    """Raises RecipeError for a comparison whose test could never be below its alpha on these test rows.

    `clustered`, asked where it matters, says whether some of them belong together: then a share is compared by a
    randomisation test as well.
    """
    problems = list(_too_few_draws(_comparing(conditions), spec, shares=()))
    if problems and clustered():
        raise RecipeError(*problems)


def _comparing(conditions: Sequence[ConditionSpec]) -> list[BetterThan]:
    return [condition for condition in conditions if isinstance(condition, BetterThan)]


def _not_of_labels(conditions: Sequence[ConditionSpec]) -> Iterator[Problem]:
    for condition in conditions:
        if isinstance(condition, Retention):
            if condition.on == "earlier_test":
                continue
            given = "kind retention, and the task classification scores no general text"
            yield Problem("gate.conditions", given, "better_than, floor or class_floor", "remove it")
        elif not isinstance(condition, ClassFloor | PartsKept) and condition.metric not in METRICS:
            given = f"metric {condition.metric!r}, which the task classification does not have"
            yield Problem("gate.conditions", given, f"one of: {', '.join(METRICS)}", "name one of these under `metric`")


def _without_earlier_test(conditions: Sequence[ConditionSpec]) -> Iterator[Problem]:
    if any(isinstance(condition, Retention) and condition.on == "earlier_test" for condition in conditions):
        given = "retention on the earlier_test, and model.name is no earlier run of this task"
        yield Problem("gate.conditions", given, "a base that has a test", "remove it, or write `model: run:NAME`")


def _without_opponent(
    conditions: Sequence[BetterThan], spec: EvaluationSpec, bases: Sequence[BaselineName]
) -> Iterator[Problem]:
    """`bases` are the baselines that may be the base's score, one of them is."""
    place, whose = "gate.conditions", "the gate (by the task's own conditions where the recipe names none)"
    systems, names = {condition.system for condition in conditions}, " or ".join(map(repr, bases))
    if "base" in systems and spec.baselines is not None and not set(bases) & set(spec.baselines):
        given = f"{whose} compares with the base, and evaluation.baselines leaves out {names}, the base's score"
        remedy = f"add {names} to evaluation.baselines, or write gate.conditions without the base"
        yield Problem(place, given, "an opponent that is scored", remedy)
    if "best_baseline" in systems and len(bases) == 1 and set(spec.baselines or ()) == set(bases):
        given = f"{whose} compares with the best baseline, and evaluation.baselines holds {names}, the base, alone"
        remedy = "add 'majority' or 'tfidf_linear' to evaluation.baselines, or compare with the base"
        yield Problem(place, given, "an opponent that is scored", remedy)


def _too_few_draws(
    conditions: Sequence[BetterThan], spec: EvaluationSpec, *, shares: Sequence[str] = EXACT
) -> Iterator[Problem]:
    least = 1 / (spec.resamples + 1)  # by `paired.randomisation`; the exact test of a proportion has no such floor
    for alpha in sorted({c.alpha for c in conditions if c.metric not in shares and c.alpha <= least}):
        given = f"alpha {alpha:g}, and evaluation.resamples {spec.resamples} gives no p-value below {least:.3g}"
        yield Problem(
            "gate.conditions", given, "a p-value that can be below alpha", "raise evaluation.resamples, or alpha"
        )


def judge(
    conditions: Sequence[ConditionSpec],
    results: Results,
    *,
    imbalance_ratio: float | None,
    train: TrainSpec | None = None,
) -> GateResult:
    """The verdict: any failed condition forbids shipping; else any undecided one leaves it open; else the model ships.

    What is missing or unknown is never a pass. `train` is how the model was tuned, which the
    advice goes by. Raises ValueError without conditions, for then anything would ship.
    """
    if not conditions:
        raise ValueError("a gate without conditions would let anything ship: give at least one")
    outcomes = tuple(decide(condition, results, train=train) for condition in conditions)
    said = {outcome.outcome for outcome in outcomes}
    verdict = Verdict.SHIP
    if Outcome.UNKNOWN in said:
        verdict = Verdict.NOT_ENOUGH_EVIDENCE
    if Outcome.FAIL in said:
        verdict = Verdict.DONT_SHIP
    return GateResult(verdict, outcomes, tuple(_warnings(conditions, imbalance_ratio)))


def on_shares_alone(conditions: Sequence[ConditionSpec], imbalance_ratio: float) -> bool:
    """Whether the conditions on the task itself look at the share of right rows alone, and the classes differ in size.

    Retention and parts say nothing of classes: they guard none.
    """
    judged = [condition for condition in conditions if not isinstance(condition, Retention | PartsKept)]
    shares = all(isinstance(c, BetterThan | Floor) and c.metric in PROPORTIONS for c in judged)
    return bool(judged) and shares and imbalance_ratio > IMBALANCED


def _warnings(conditions: Sequence[ConditionSpec], imbalance_ratio: float | None) -> Iterator[str]:
    if imbalance_ratio is not None and on_shares_alone(conditions, imbalance_ratio):
        yield (
            f"The gate looks at accuracy alone, and the largest class has {imbalance_ratio:.1f} times the rows of the "
            "smallest: a model that gives small classes up could ship. Add to gate.conditions one on "
            "`metric: macro_f1`, or one of `kind: class_floor`."
        )
