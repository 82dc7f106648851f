"""The gate's conditions for tasks of texts: the defaults, and what no model could pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tunewright.core.errors import Problem
from tunewright.core.titles import metric_title
from tunewright.evaluation.score_texts import metrics_of
from tunewright.evaluation.texts import METRICS
from tunewright.recipe.judge import BetterThan, ClassFloor, Floor, PartsKept, Retention

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tunewright.core.encoded import Layout
    from tunewright.recipe.judge import ConditionSpec, EvaluationSpec

TEXT_BASELINES: Final = ("base", "nearest_neighbour")
"""What texts are scored against where the recipe names nothing."""

STOP_RATE = 0.9
"""Share of texts that a tuned model must end by itself: below it, it has not learned where an answer ends."""

PLACE = "gate.conditions"
WHOSE = "the gate (by the task's own conditions where the recipe names none)"


def default_text_conditions(task: str, layout: Layout = "causal") -> list[ConditionSpec]:
    """The conditions of a recipe that names none.

    Always: references likelier than to the base. Of what is written: texts that end by themselves, and of a model that
    turns one text into another, texts closer to the references than the base's. Of a model that goes on writing: no
    more than a little of general text forgotten.
    """
    likelier = BetterThan(system="base", metric="loss" if layout == "masked" else "bits_per_byte")
    if task == "text_to_text":
        return [likelier, BetterThan(system="base", metric="chrf")]
    if task == "generation":
        return [likelier, Floor(metric="stop_rate", at_least=STOP_RATE), Retention()]
    return [likelier] if layout == "masked" else [likelier, Retention()]


def impossible_for_texts(
    conditions: Sequence[ConditionSpec], spec: EvaluationSpec, task: str, layout: Layout | None = None
) -> Iterator[Problem]:
    """What stands in the way of each condition that no model could pass; `layout` is None where the base is unknown."""
    baselines, metrics = spec.baselines or TEXT_BASELINES, metrics_of(task, layout)
    for condition in conditions:
        if isinstance(condition, ClassFloor):
            given = f"kind class_floor, and the task {task} has no classes"
            yield Problem(PLACE, given, "better_than, floor or retention", "remove it")
        elif isinstance(condition, Retention):
            if condition.on == "general":
                yield from _without_general_text(spec, task, layout)
        elif isinstance(condition, PartsKept):
            continue  # which parts there are does not go by the task
        elif condition.metric not in metrics:
            on = " on a masked base" if layout == "masked" else ""
            given = f"metric {condition.metric!r}, which the task {task}{on} does not have"
            expected = f"one of: {', '.join(metrics)}"
            yield Problem(PLACE, given, expected, "name one of these under `metric`")
        else:
            yield from _without_texts(condition, spec)
            if isinstance(condition, BetterThan):
                yield from _without_opponent(condition, baselines)


def _without_general_text(spec: EvaluationSpec, task: str, layout: Layout | None) -> Iterator[Problem]:
    if task == "text_to_text" or layout in {"seq2seq", "masked"}:
        given = f"{WHOSE} asks for retention on general text, which is not measured for {task} on such a base"
        remedy = "remove it, or choose a causal base and a task that it can do"
        yield Problem(PLACE, given, "a base that writes on, whose general text can be scored", remedy)
        return
    if "base" not in (spec.baselines or TEXT_BASELINES):
        given = f"{WHOSE} asks for retention on general text, and evaluation.baselines leaves out 'base'"
        remedy = "add 'base' to evaluation.baselines, or write gate.conditions without retention"
        yield Problem(PLACE, given, "general text scored before and after", remedy)
    if spec.general_text is None:
        given = f"{WHOSE} asks for retention, and evaluation.general_text is null"
        remedy = "name a file of texts under evaluation.general_text, or write gate.conditions without retention"
        yield Problem(PLACE, given, "general text to measure forgetting on", remedy)


def _without_texts(condition: BetterThan | Floor, spec: EvaluationSpec) -> Iterator[Problem]:
    if spec.generate == 0 and METRICS[condition.metric].needs != "likelihood":
        given = f"{WHOSE} asks for the {metric_title(condition.metric)}, and evaluation.generate is 0"
        remedy = "raise evaluation.generate, or write gate.conditions without it"
        yield Problem(PLACE, given, "texts to score", remedy)


def _without_opponent(condition: BetterThan, baselines: Sequence[str]) -> Iterator[Problem]:
    metric, name = METRICS[condition.metric], metric_title(condition.metric)
    if metric.better == "neither":
        given = f"better_than with the metric {condition.metric!r}, of which neither more nor less is better"
        yield Problem(PLACE, given, "a metric with a better side", "compare another metric, or give it a floor")
    if condition.system == "base" and "base" not in baselines:
        given = f"{WHOSE} compares with the base, and evaluation.baselines leaves out 'base'"
        remedy = "add 'base' to evaluation.baselines, or write gate.conditions without the base"
        yield Problem(PLACE, given, "an opponent that is scored", remedy)
    if condition.system == "best_baseline" and not set(baselines) - {"base"}:
        given = f"{WHOSE} compares with the best baseline, and evaluation.baselines holds 'base' alone"
        remedy = "add 'nearest_neighbour' to evaluation.baselines, or compare with the base"
        yield Problem(PLACE, given, "an opponent that is scored", remedy)
    if condition.system == "best_baseline" and metric.needs != "texts":
        given = f"{WHOSE} compares the {name} with the best baseline, and baselines of texts have none"
        remedy = "compare a metric of written texts, such as chrf, or compare with the base"
        yield Problem(PLACE, given, "a metric that baselines have", remedy)
