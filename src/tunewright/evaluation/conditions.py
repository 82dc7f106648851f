"""One condition of the gate against the results: passed, failed, or undecided for want of evidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.core.results import ConditionOutcome, Estimate, Outcome
from tunewright.evaluation.evaluate import base_of, best_baseline
from tunewright.evaluation.intervals import known
from tunewright.evaluation.power import POWER, rows_to_settle
from tunewright.recipe.judge import BetterThan, Floor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tunewright.core.results import ClassScore, Comparison, Results, SystemScores
    from tunewright.recipe.judge import ClassFloor, ConditionSpec

EVALUATE = "Run the evaluation again, then the gate."

ROWS_OUT_OF_REACH = 100
"""A difference that only this many times the test rows would show is as good as none."""


def decide(condition: ConditionSpec, results: Results) -> ConditionOutcome:
    """What the results say of one condition, with the figures it was decided on; what is missing is undecided."""
    tuned = next((system for system in results.systems if system.role == "tuned"), None)
    if tuned is None:
        return ConditionOutcome(_words(condition), Outcome.UNKNOWN, "the tuned model was not scored", EVALUATE)
    if isinstance(condition, BetterThan):
        return _better_than(condition, tuned, results)
    if isinstance(condition, Floor):
        return _floor(condition, tuned)
    return _class_floor(condition, tuned)


def _words(condition: ConditionSpec) -> str:
    if isinstance(condition, BetterThan):
        return f"{condition.metric} better than {_opponent(condition)} (p < {condition.alpha:g})"
    if isinstance(condition, Floor):
        return f"{condition.metric} at least {condition.at_least:g}"
    return f"{condition.metric} of every class at least {condition.at_least:g}"


def _opponent(condition: BetterThan) -> str:
    return condition.system.replace("_", " ")


def _better_than(condition: BetterThan, tuned: SystemScores, results: Results) -> ConditionOutcome:
    words = _words(condition)
    opponents = {"base": base_of(results.systems), "best_baseline": best_baseline(results.systems, results.headline)}
    other = opponents[condition.system]
    if other is None:
        reason = f"there is no {_opponent(condition)} with known scores"
        return ConditionOutcome(words, Outcome.UNKNOWN, reason, "Score it on the test rows, then run the gate again.")
    asked = (condition.metric, tuned.name, other.name)
    comparison = next((c for c in results.comparisons if (c.metric, c.system, c.against) == asked), None)
    if comparison is None:
        reason = f"{condition.metric} of {tuned.name} was not compared with {other.name}"
        return ConditionOutcome(words, Outcome.UNKNOWN, reason, EVALUATE)
    return _gain(condition, comparison, confidence=results.confidence)


def _gain(condition: BetterThan, comparison: Comparison, *, confidence: float) -> ConditionOutcome:
    """PASS where the difference is above 0 by the test and by its interval; FAIL where it is below; else undecided.

    A model equal to the other within a tight interval is not better: it does not pass, however many rows say so. Where
    the interval's level is above 1 - alpha it asks for more than the condition does, and the p-value alone decides.
    """
    words, bounds, p_value = _words(condition), known(comparison.difference), comparison.p_value
    if bounds is None or p_value is None or not math.isfinite(p_value):
        reason = comparison.reason or comparison.difference.reason or "no reason given"
        found = f"the difference from {comparison.against} is unknown: {reason}"
        return ConditionOutcome(words, Outcome.UNKNOWN, found, EVALUATE)
    value, (low, high) = bounds
    found = (
        f"{condition.metric} {value:+.4f} against {comparison.against} ({100 * confidence:.4g}% interval {low:+.4f} to "
        f"{high:+.4f}, p = {p_value:.3g} by {comparison.test}, n = {comparison.difference.n})"
    )
    significant = p_value < condition.alpha
    if value > 0 and significant and (low > 0 or confidence > 1 - condition.alpha + 1e-9):
        return ConditionOutcome(words, Outcome.PASS, found)
    if high <= 0 or (value < 0 and significant):
        advice = (
            f"It is worse than {comparison.against}: keep that one, and look at the learning rate, the epochs and the "
            "labels of the classes confused."
        )
        return ConditionOutcome(words, Outcome.FAIL, found, advice)
    return ConditionOutcome(words, Outcome.UNKNOWN, found, _what_would_settle(condition, comparison, confidence))


def _what_would_settle(condition: BetterThan, comparison: Comparison, confidence: float) -> str:
    found = comparison.difference
    rows = rows_to_settle(found, confidence=confidence, alpha=condition.alpha)
    if rows is None or found.value is None or rows > ROWS_OUT_OF_REACH * found.n:
        return f"Both score alike, and more test rows will not change that: train until it beats {comparison.against}."
    if found.value < 0:
        return (
            f"It scores below {comparison.against}: change the training rather than add test rows (about {rows:,} "
            "would show a loss of this size)."
        )
    return (
        f"If the true gain is the one seen, about {rows:,} test rows like these would show it with a chance of "
        f"{POWER:.0%}: add rows, or train a better model."
    )


def _floor(condition: Floor, tuned: SystemScores) -> ConditionOutcome:
    words = _words(condition)
    if condition.metric not in tuned.metrics:
        reason = f"the {condition.metric} of the tuned model was not scored"
        return ConditionOutcome(words, Outcome.UNKNOWN, reason, EVALUATE)
    estimate = tuned.metrics[condition.metric]
    outcome = _against_level(estimate, condition.at_least)
    advice = {
        Outcome.PASS: "",
        Outcome.FAIL: "The model is not good enough: look at its worst errors, then at the data and the settings.",
        Outcome.UNKNOWN: "The interval holds the level: add test rows to narrow it, or train a better model.",
    }
    return ConditionOutcome(words, outcome, _figures(condition.metric, estimate), advice[outcome])


def _class_floor(condition: ClassFloor, tuned: SystemScores) -> ConditionOutcome:
    """FAIL if any class lies below the level; UNKNOWN if any cannot be decided or has no rows; else PASS.

    Classes with fewer test rows than `min_support`, yet some, are listed and not judged. Each class is decided at the
    intervals' level, so among many classes that truly sit at the level some would fail by chance: set it well below.
    """
    judged: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
    unjudged = []
    for score in tuned.per_class:
        estimate = _of_class(score, condition.metric)
        if 0 < score.support < condition.min_support:
            unjudged.append(f"{score.label!r} ({score.support} rows)")
            continue
        # Without test rows nothing is known of a class: not even its precision, which could only have come out 0.
        outcome = _against_level(estimate, condition.at_least) if score.support else Outcome.UNKNOWN
        figures = _figures(repr(score.label), estimate) if score.support else f"{score.label!r} has no test rows"
        judged[outcome].append(figures)
    found = [
        *_clause("below the level", judged[Outcome.FAIL]),
        *_clause("undecided", judged[Outcome.UNKNOWN]),
        f"{len(judged[Outcome.PASS])} of {len(tuned.per_class)} classes pass",
        *_clause(f"not judged, with fewer than {condition.min_support} test rows", unjudged),
    ]
    outcome, advice = Outcome.PASS, ""
    if judged[Outcome.UNKNOWN] or not judged[Outcome.PASS]:
        outcome, advice = Outcome.UNKNOWN, "Add test rows of the classes named: theirs are too few to decide."
    if judged[Outcome.FAIL]:
        outcome = Outcome.FAIL
        advice = (
            "Add training rows of the classes named, look for wrong labels among them, or merge classes that overlap."
        )
    return ConditionOutcome(_words(condition), outcome, "; ".join(found), advice)


def _of_class(score: ClassScore, metric: str) -> Estimate:
    return {"precision": score.precision, "recall": score.recall, "f1": score.f1}[metric]


def _against_level(estimate: Estimate, level: float) -> Outcome:
    bounds = known(estimate)
    if bounds is None:
        return Outcome.UNKNOWN
    _, (low, high) = bounds
    if high < level:
        return Outcome.FAIL
    return Outcome.PASS if low >= level else Outcome.UNKNOWN


def _figures(name: str, estimate: Estimate) -> str:
    bounds = known(estimate)
    if bounds is None:
        return f"{name} unknown: {estimate.reason or 'no reason given'}"
    value, (low, high) = bounds
    return f"{name} {value:.3f} ({low:.3f} to {high:.3f}, n = {estimate.n})"


def _clause(name: str, items: Sequence[str], most: int = 10) -> Iterator[str]:
    if items:
        yield f"{name}: {', '.join(items[:most])}" + (f" and {len(items) - most} more" if len(items) > most else "")
