"""Numbers as people read them. An unknown is a dash, never a zero."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from tunewright.core.results import Outcome, Verdict
from tunewright.reporting.svg import clean

if TYPE_CHECKING:
    from tunewright.core.results import Comparison, Estimate, Results, SystemScores

UNKNOWN: Final = "—"
METRIC_TITLES: Final = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "loss": "loss",
}
VERDICT_WORDS: Final = {
    Verdict.SHIP: "Ship",
    Verdict.DONT_SHIP: "Don’t ship",
    Verdict.NOT_ENOUGH_EVIDENCE: "Not enough evidence",
}
OUTCOME_WORDS: Final = {Outcome.PASS: "pass", Outcome.FAIL: "fail", Outcome.UNKNOWN: "not enough evidence"}
TEST_TITLES: Final = {
    "mcnemar-exact": "exact McNemar test",
    "approximate-randomisation": "approximate randomisation test",
}


def known(number: float | None) -> float | None:
    """The number, or None where it is absent, NaN or infinite."""
    return number if number is not None and math.isfinite(number) else None


def metric_title(metric: str) -> str:
    """A metric's name in words."""
    return METRIC_TITLES.get(metric, metric.replace("_", " "))


def score(number: float | None) -> str:
    """A score of 0..1 with three decimals."""
    number = known(number)
    return UNKNOWN if number is None else f"{number:.3f}"


def interval(estimate: Estimate, dash: str = "–") -> str:
    """An estimate's interval, or nothing where a bound is unknown."""
    low, high = known(estimate.low), known(estimate.high)
    if low is None or high is None:
        return ""
    dash = " to " if low < 0 else dash  # a dash beside a minus cannot be read
    return f"{low:.3f}{dash}{high:.3f}"


def signed(number: float | None) -> str:
    """A difference with its sign."""
    number = known(number)
    return UNKNOWN if number is None else f"{number:+.3f}".replace("-", "−")


def p_value(p: float | None) -> str:
    """A p-value with three or four decimals, the smallest as a bound."""
    p = known(p)
    if p is None:
        return UNKNOWN
    return "<0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}"


def count(number: int) -> str:
    """A count with thousands separated."""
    return f"{number:,}"


def share(part: float, whole: float) -> str:
    """A part as percent of the whole."""
    return f"{100 * part / whole:.1f} %" if whole else UNKNOWN


def quantity(number: float | None) -> str:
    """A number of any size in about four figures."""
    number = known(number)
    if number is None:
        return UNKNOWN
    if number == 0 or 1e-3 <= abs(number) < 1e5:
        return f"{number:.4g}"
    mantissa, _, exponent = f"{number:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def level(confidence: float) -> str:
    """The level of the intervals, as `95 %`."""
    return f"{100 * confidence:g} %"


def excerpt(text: str, length: int = 600) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def breakable(text: str) -> Markup:
    """The text as HTML that may break after an underscore: labels are long words."""
    escaped = str(escape(clean(text)))  # as plain text: `Markup.replace` would escape the replacement too
    return Markup(escaped.replace("_", "_<wbr>"))  # noqa: S704  # escaped here


def moment(iso: str) -> str:
    """An ISO 8601 date and time to the minute; any other text as it is."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or ''}".rstrip()


def tuned(results: Results) -> SystemScores | None:
    """The tuned system, or None where it was not scored."""
    return next((system for system in results.systems if system.role == "tuned"), None)


def comparison(results: Results, system: SystemScores) -> Comparison | None:
    """The tuned model's comparison with `system`: by the headline metric, or the first there is."""
    against = [c for c in results.comparisons if c.against == system.name]
    return next((c for c in against if c.metric == results.headline), against[0] if against else None)


def headline_metrics(results: Results) -> tuple[str, ...]:
    """The metrics that every table shows: the headline first, then accuracy and macro F1 as far as they were found."""
    found = {name for system in results.systems for name in system.metrics}
    usual = [name for name in ("accuracy", "macro_f1") if name in found]
    return tuple(dict.fromkeys([results.headline, *usual])) if results.headline in found else tuple(usual)
