"""Whether tuning made the model forget: text that the data does not teach, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.results import Retention
from tunewright.evaluation.intervals import known
from tunewright.evaluation.paired_texts import compare_texts
from tunewright.evaluation.score_texts import check_likelihoods, text_estimates
from tunewright.evaluation.texts import Tallied

if TYPE_CHECKING:
    from tunewright.core.predictions import TextPredictions
    from tunewright.evaluation.intervals import Interval
    from tunewright.evaluation.settings import ScoreSettings

METRIC = "bits_per_byte"
TITLE = "bits per byte of general text"
BEFORE, AFTER = "retention-before", "retention-after"


def retention(before: TextPredictions, after: TextPredictions, *, settings: ScoreSettings) -> Retention:
    """The bits per byte of the same passages to the base and to the tuned model, paired by passage (or cluster).

    Raises ValueError unless both hold the same passages in the same order, RunError for likelihoods that are none.
    """
    first, second = Tallied(before), Tallied(after)
    for name, each in ((BEFORE, before), (AFTER, after)):
        check_likelihoods(each, place=f"{name} predictions")
    change = compare_texts(second, first, metric=METRIC, system=AFTER, against=BEFORE, settings=settings)
    base, tuned = (
        text_estimates(tallied, [METRIC], stream=name, settings=settings)[METRIC]
        for name, tallied in ((BEFORE, first), (AFTER, second))
    )
    return Retention(TITLE, base, tuned, change.difference, change.p_value)


def relative_rise(found: Retention) -> tuple[float, Interval] | None:
    """The rise as a share of what it was before, with its interval; None where unknown. Below 0 is an improvement."""
    bounds, before = known(found.difference), found.before.value
    if bounds is None or not before or before < 0:
        return None
    value, (low, high) = bounds
    return value / before, (low / before, high / before)


def reading(found: Retention) -> str:
    """One sentence that says what became of general text."""
    rise = relative_rise(found)
    if rise is None or found.after.value is None:
        reason = found.difference.reason or found.before.reason or found.after.reason or "no reason given"
        return f"What tuning did to general text is unknown: {reason}."
    value, (low, high) = rise
    said = f"{found.title}: {found.before.value:.3f} before tuning, {found.after.value:.3f} after"
    interval = f"{100 * low:+.1f} % to {100 * high:+.1f} %"
    if low > 0:
        return f"Forgets some: {said}, {100 * value:+.1f} % (interval {interval})."
    if high < 0:
        return f"Forgets nothing, and gains on it: {said}, {100 * value:+.1f} % (interval {interval})."
    return f"No forgetting seen: {said}, {100 * value:+.1f} % (interval {interval})."
