"""One condition of the gate against the results: passed, failed, or undecided for want of evidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.core.metrics import less_is_better
from tunewright.core.results import ConditionOutcome, Estimate, Outcome
from tunewright.core.titles import metric_title
from tunewright.evaluation import wording
from tunewright.evaluation.answer_limit import cut_found, raise_it
from tunewright.evaluation.evaluate import base_of, best_baseline
from tunewright.evaluation.intervals import known
from tunewright.evaluation.parts_kept import decide_parts
from tunewright.evaluation.retention import earlier_reading, relative_rise, why_unknown
from tunewright.recipe.judge import BetterThan, Floor, PartsKept, Retention

if TYPE_CHECKING:
    from tunewright.core.results import AnswerLimit, ClassScore, Comparison, Results, SystemScores
    from tunewright.core.results import Retention as Retained
    from tunewright.recipe.judge import ClassFloor, ConditionSpec
    from tunewright.recipe.train import TrainSpec

SEVERITY = (Outcome.PASS, Outcome.UNKNOWN, Outcome.FAIL)
EVALUATE = "Run the evaluation again, then the gate."


def decide(condition: ConditionSpec, results: Results, *, train: TrainSpec | None = None) -> ConditionOutcome:
    """What the results say of one condition, with the figures it was decided on; what is missing is undecided.

    `train` is how the model was tuned, which the advice goes by.
    """
    tuned = next((system for system in results.systems if system.role == "tuned"), None)
    if tuned is None:
        found = "The tuned model was not scored."
        return ConditionOutcome(wording.condition_title(condition, results.base), Outcome.UNKNOWN, found, EVALUATE)
    if isinstance(condition, BetterThan):
        return _better_than(condition, tuned, results)
    if isinstance(condition, Floor):
        return _floor(condition, tuned, results)
    if isinstance(condition, Retention):
        return _retention(condition, results, train)
    if isinstance(condition, PartsKept):
        return decide_parts(condition, results)
    return _class_floor(condition, tuned, results)


def _better_than(condition: BetterThan, tuned: SystemScores, results: Results) -> ConditionOutcome:
    title = wording.condition_title(condition, results.base)
    best = best_baseline(results.systems, condition.metric) or best_baseline(results.systems, results.headline)
    other = {"base": base_of(results.systems), "best_baseline": best}[condition.system]
    if other is None:
        found = f"There is nothing to compare with: {wording.opponent(condition, results.base)} was not scored."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, wording.no_opponent(condition.metric))
    asked = (condition.metric, tuned.name, other.name)
    comparison = next((c for c in results.comparisons if (c.metric, c.system, c.against) == asked), None)
    if comparison is None:
        found = f"The {metric_title(condition.metric)} of {tuned.title} was not compared with that of {other.title}."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, EVALUATE)
    return _gain(condition, comparison, (tuned, other), results)


def _gain(
    condition: BetterThan, comparison: Comparison, systems: tuple[SystemScores, SystemScores], results: Results
) -> ConditionOutcome:
    """PASS where the tuned model is better by the test and by its interval; FAIL where it is worse; else undecided.

    A model equal to the other within a tight interval is not better: it does not pass, however many rows say so. Where
    the interval's level is above 1 - alpha it asks for more than the condition does, and the p-value alone decides.
    """
    title, (_, other), confidence = wording.condition_title(condition, results.base), systems, results.confidence
    bounds, p_value = known(comparison.difference), comparison.p_value
    if bounds is None or p_value is None or not math.isfinite(p_value):
        reason = comparison.reason or comparison.difference.reason or "no reason given"
        found = f"The difference from {other.title} is unknown: {reason}."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, wording.unknown_advice(condition.metric))
    value, (low, high) = bounds
    significant = p_value < condition.alpha
    found = wording.comparison_found(comparison, systems, alpha=condition.alpha, confidence=confidence)
    gain, least, most = (-value, -high, -low) if less_is_better(condition.metric) else (value, low, high)
    if gain > 0 and significant and (least > 0 or confidence > 1 - condition.alpha + 1e-9):
        return ConditionOutcome(title, Outcome.PASS, found)
    if most <= 0 or (gain < 0 and significant):
        return ConditionOutcome(title, Outcome.FAIL, found, wording.keep_the_other(other.title, condition.metric))
    advice = wording.what_would_settle(
        comparison, other.title, alpha=condition.alpha, confidence=confidence, prompts=results.n
    )
    return ConditionOutcome(title, Outcome.UNKNOWN, found, advice)


def _floor(condition: Floor, tuned: SystemScores, results: Results) -> ConditionOutcome:
    confidence = results.confidence
    title, name = wording.condition_title(condition, results.base), metric_title(condition.metric)
    estimate = tuned.metrics.get(condition.metric)
    if estimate is None:
        found = f"The {name} of the tuned model was not scored."
        advice = f"Name a metric in gate.conditions that is scored: {', '.join(tuned.metrics) or 'none was'}."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, advice)
    outcome = _against_level(estimate, condition.at_least, at_most=less_is_better(condition.metric))
    found = wording.floor_found(condition.metric, estimate, condition.at_least, outcome, confidence=confidence)
    if outcome is Outcome.PASS:
        return ConditionOutcome(title, outcome, found)
    if known(estimate) is None:
        return ConditionOutcome(title, outcome, found, wording.unknown_advice(condition.metric))
    advice = wording.floor_advice(
        condition.metric, estimate, condition.at_least, outcome, confidence=confidence, prompts=results.n
    )
    return _unless_cut(condition, ConditionOutcome(title, outcome, found, advice), estimate, results.answer_limit)


def _unless_cut(
    condition: Floor, said: ConditionOutcome, estimate: Estimate, limit: AnswerLimit | None
) -> ConditionOutcome:
    """The outcome of a stop rate that is not reached, where answers ended at the limit of tokens or the context's end,
    and those of people lie beyond.

    Such answers say nothing of the model: it fails only if it would, had it ended all of them by itself.
    """
    if condition.metric != "stop_rate" or limit is None or not limit.cut + limit.beyond:
        return said
    highest = (estimate.high or 0.0) + (limit.cut + limit.beyond) / estimate.n
    outcome = Outcome.UNKNOWN if highest >= condition.at_least else said.outcome
    advice = raise_it(limit) if outcome is Outcome.UNKNOWN else f"{raise_it(limit)} {said.advice}"
    return ConditionOutcome(said.condition, outcome, f"{said.found} {cut_found(limit)}", advice)


def _class_floor(condition: ClassFloor, tuned: SystemScores, results: Results) -> ConditionOutcome:
    """FAIL if any class lies below the level; UNKNOWN if any cannot be decided or has no rows; else PASS.

    Classes with fewer test rows than `min_support`, yet some, are listed and not judged. Each class is decided at the
    intervals' level, so among many classes that truly sit at the level some would fail by chance: set it well below.
    """
    confidence = results.confidence
    judged: dict[Outcome, list[ClassScore]] = {outcome: [] for outcome in Outcome}
    small = []
    for score in tuned.per_class:
        if 0 < score.support < condition.min_support:
            small.append(score)
            continue
        # Without test rows nothing is known of a class: not even its precision, which could only have come out 0.
        level = condition.at_least
        outcome = _against_level(wording.of_class(score, condition.metric), level) if score.support else Outcome.UNKNOWN
        judged[outcome].append(score)
    outcome = Outcome.PASS
    if judged[Outcome.UNKNOWN] or not judged[Outcome.PASS]:
        outcome = Outcome.UNKNOWN
    if judged[Outcome.FAIL]:
        outcome = Outcome.FAIL
    found = wording.classes_found(condition, judged, small, confidence=confidence)
    advice = wording.classes_advice(condition, judged, confidence=confidence) if outcome is not Outcome.PASS else ""
    return ConditionOutcome(wording.condition_title(condition, results.base), outcome, found, advice)


def _earlier_test(condition: Retention, results: Results) -> ConditionOutcome:
    """FAIL where the whole interval of the loss lies above the level, PASS where none of it does; else UNKNOWN."""
    title, scored = wording.condition_title(condition, results.base), results.earlier_test
    loss = relative_rise(scored) if scored is not None else None
    if scored is None:
        found = "The test of the earlier run was not scored before and after tuning."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, wording.NO_EARLIER_TEST)
    if loss is None:
        return ConditionOutcome(title, Outcome.UNKNOWN, earlier_reading(scored), wording.NO_EARLIER_SHARE)
    value, (low, high) = loss
    relative = Estimate(value, low, high, scored.difference.n)
    outcome = _against_level(relative, condition.at_most, at_most=True)
    found = f"{earlier_reading(scored)} {wording.loss_found((low, high), condition.at_most, outcome)}"
    return ConditionOutcome(title, outcome, found, wording.earlier_advice(outcome, high))


def _retention(condition: Retention, results: Results, train: TrainSpec | None) -> ConditionOutcome:
    if condition.on == "earlier_test":
        return _earlier_test(condition, results)
    title, scored = wording.condition_title(condition, results.base), results.retention
    if scored is None:
        found = "General text was not scored before and after tuning."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, wording.NO_GENERAL_TEXT)
    if relative_rise(scored) is None:
        found = f"The rise in {scored.title} is unknown: {why_unknown(scored)}."
        return ConditionOutcome(title, Outcome.UNKNOWN, found, wording.NO_RISE)
    said = _forgotten(condition, scored, results, base=results.base, train=train)
    if results.since_first is None or relative_rise(results.since_first) is None:
        return said
    # What each of many runs may forget adds up: the whole chain is held to the level too.
    first = "the base that this chain of runs began with"
    whole = _forgotten(condition, results.since_first, results, base=first, train=train)
    worse = max(said, whole, key=lambda each: SEVERITY.index(each.outcome))
    return ConditionOutcome(title, worse.outcome, f"{said.found} {whole.found}", worse.advice)


def _forgotten(
    condition: Retention, scored: Retained, results: Results, *, base: str, train: TrainSpec | None
) -> ConditionOutcome:
    """The outcome of one comparison of general text, whose change is known."""
    rise = relative_rise(scored)
    assert rise is not None
    value, (low, high) = rise
    relative = Estimate(value, low, high, scored.difference.n, scored.difference.method)
    outcome = _against_level(relative, condition.at_most, at_most=True)
    confidence = results.confidence
    found = wording.retention_found(scored, relative, condition.at_most, outcome, confidence=confidence, base=base)
    advice = wording.retention_advice(relative, condition.at_most, outcome, confidence=confidence, train=train)
    return ConditionOutcome(wording.condition_title(condition), outcome, found, advice)


def _against_level(estimate: Estimate, level: float, *, at_most: bool = False) -> Outcome:
    bounds = known(estimate)
    if bounds is None:
        return Outcome.UNKNOWN
    _, (low, high) = bounds
    if at_most:
        low, high, level = -high, -low, -level
    if high < level:
        return Outcome.FAIL
    return Outcome.PASS if low >= level else Outcome.UNKNOWN
