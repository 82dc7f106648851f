"""Whether tuning made the model forget: text that the data does not teach, and an earlier test, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.results import Retention
from tunewright.core.titles import metric_title
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.intervals import known
from tunewright.evaluation.paired import compare
from tunewright.evaluation.paired_texts import compare_texts
from tunewright.evaluation.relative import relative_accuracy, relative_of_texts
from tunewright.evaluation.score_texts import check_likelihoods, text_estimates
from tunewright.evaluation.texts import Tallied

if TYPE_CHECKING:
    from tunewright.core.predictions import ClassPredictions, TextPredictions
    from tunewright.evaluation.intervals import Interval
    from tunewright.evaluation.settings import ScoreSettings

METRIC = "bits_per_byte"
TITLE = "bits per byte of general text"
BEFORE, AFTER = "retention-before", "retention-after"


def retention(
    before: TextPredictions,
    after: TextPredictions,
    *,
    settings: ScoreSettings,
    title: str = TITLE,
    metric: str = METRIC,
) -> Retention:
    """The bits per byte (or another likelihood metric) of the same passages to the base and to the tuned model, paired
    by passage (or cluster).

    Raises ValueError unless both hold the same passages in the same order, RunError for likelihoods that are none.
    """
    first, second = Tallied(before), Tallied(after)
    for name, each in ((BEFORE, before), (AFTER, after)):
        check_likelihoods(each, place=f"{name} predictions")
    change = compare_texts(second, first, metric=metric, system=AFTER, against=BEFORE, settings=settings)
    base, tuned = (
        text_estimates(tallied, [metric], stream=name, settings=settings)[metric]
        for name, tallied in ((BEFORE, first), (AFTER, second))
    )
    relative = relative_of_texts(second, first, metric=metric, settings=settings)
    return Retention(title, base, tuned, change.difference, change.p_value, relative=relative)


def earlier_test_of_classes(
    before: ClassPredictions, after: ClassPredictions, *, run: str, settings: ScoreSettings
) -> Retention:
    """The accuracy on the test rows of an earlier run, of its model and of the one tuned from it, paired by row (or
    cluster). Raises ValueError unless both hold the same rows in the same order.
    """
    metric = "accuracy"
    change = compare(after, before, metric=metric, system=AFTER, against=BEFORE, settings=settings)
    base, tuned = (
        score_system(found, name=name, title="", role="base", settings=settings).metrics[metric]
        for name, found in ((BEFORE, before), (AFTER, after))
    )
    title = earlier_title(metric, run)
    relative = relative_accuracy(after, before, settings=settings)
    return Retention(title, base, tuned, change.difference, change.p_value, less_is_better=False, relative=relative)


def earlier_title(metric: str, run: str) -> str:
    """What is scored on an earlier test, as people read it."""
    return f"{metric_title(metric)} on the test of run {run}"


def relative_rise(found: Retention) -> tuple[float, Interval] | None:
    """The worsening as a share of what it was before, with its interval; None where unknown. Below 0 is an improvement.

    Where less is better it is the rise, else the fall.
    """
    bounds = known(found.relative) if found.relative is not None else None
    if bounds is None or found.less_is_better:
        return bounds
    value, (low, high) = bounds
    return -value, (-high, -low)


def why_unknown(found: Retention) -> str:
    """Why there is no relative rise."""
    relative = found.relative.reason if found.relative is not None else ""
    reasons = (found.difference.reason, found.before.reason, found.after.reason, relative)
    return next((reason for reason in reasons if reason), "no reason given")


def earlier_reading(found: Retention) -> str:
    """One sentence that says what became of an earlier test."""
    loss = relative_rise(found)
    if loss is None or found.after.value is None:
        return f"What tuning did to the {found.title} is unknown: {why_unknown(found)}."
    _, (low, high) = loss
    sign = 1 if found.less_is_better else -1
    shares = sorted(100 * sign * share for share in (low, high))
    said = "worse" if low > 0 else "better" if high < 0 else "worse or not, these rows cannot tell"
    return (
        f"{found.title[0].upper()}{found.title[1:]}: {found.before.value:.3f} before, {found.after.value:.3f} after, "
        f"{100 * sign * loss[0]:+.1f} % (interval {shares[0]:+.1f} % to {shares[1]:+.1f} %) on {found.difference.n:,} "
        f"rows: {said}."
    )


def chain_reading(found: Retention) -> str:
    """One sentence that says what became of general text since the first base of a chain of runs."""
    rise = relative_rise(found)
    if rise is None or found.after.value is None:
        return f"What became of general text since the first base is unknown: {why_unknown(found)}."
    value, (low, high) = rise
    return (
        f"Since the base that this chain of runs began with: {found.before.value:.3f} then, {found.after.value:.3f} "
        f"now, {100 * value:+.1f} % (interval {100 * low:+.1f} % to {100 * high:+.1f} %)."
    )


def reading(found: Retention) -> str:
    """One sentence that says what became of general text."""
    rise = relative_rise(found)
    if rise is None or found.after.value is None:
        return f"What tuning did to general text is unknown: {why_unknown(found)}."
    value, (low, high) = rise
    said = f"the {found.title} were {found.before.value:.3f} before tuning and are {found.after.value:.3f} after"
    interval = f"{100 * low:+.1f} % to {100 * high:+.1f} %"
    if low > 0:
        return f"Forgets some: {said}, {100 * value:+.1f} % (interval {interval})."
    if high < 0:
        return f"Forgets nothing, and gains on it: {said}, {100 * value:+.1f} % (interval {interval})."
    return f"No forgetting seen: {said}, {100 * value:+.1f} % (interval {interval})."
