"""Numbers as people read them. An unknown is a dash, never a zero."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from tunewright.core.results import Outcome, Verdict
from tunewright.evaluation.counted_tasks import METRICS as COUNTED
from tunewright.reporting.svg import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tunewright.core.results import Comparison, Estimate, Results, SystemScores

UNKNOWN: Final = "—"
VERDICT_WORDS: Final = {
    Verdict.SHIP: "Ship",
    Verdict.DONT_SHIP: "Don’t ship",
    Verdict.NOT_ENOUGH_EVIDENCE: "Not enough evidence",
}
OUTCOME_WORDS: Final = {Outcome.PASS: "pass", Outcome.FAIL: "fail", Outcome.UNKNOWN: "not enough evidence"}
BOOTSTRAP: Final = "bootstrap (the test rows are drawn anew many times, and the score taken each time)"
UNSEEN: Final = "+unseen-outcomes"
METHOD_WORDS: Final = {
    "wilson": "Wilson’s interval of a share",
    "wilson-clustered": "Wilson’s interval of a share, with rows that belong together counted as less than so many",
    "bootstrap-expanded-percentile": BOOTSTRAP,
    f"bootstrap-expanded-percentile{UNSEEN}": f"{BOOTSTRAP}, widened where so few rows may not have shown everything",
    "unseen-outcomes": "all answers were alike, so by the number of rows alone",
}
"""How an interval was found, for people; `results.json` holds the machine names."""


TEXT_COLUMNS: Final = (
    *("bits_per_byte", "perplexity", "chrf", "bleu", "rouge1", "rougeL", "exact_match", "token_f1", "stop_rate"),
    "length_ratio",
)
"""Metrics of texts in the order of tables."""


LEFT_OUT: Final = frozenset({"mse"})
"""Counted metrics that say the same as another, and stand in `results.json` alone."""


def method_words(methods: Iterable[str]) -> str:
    """How the intervals of one metric were found, in words; a widened method speaks for the plain one beside it."""
    found = set(methods)
    shown = sorted(method for method in found if method + UNSEEN not in found)
    return "; ".join(METHOD_WORDS.get(method, method) for method in shown)


def known(number: float | None) -> float | None:
    """The number, or None where it is absent, NaN or infinite."""
    return number if number is not None and math.isfinite(number) else None


def score(number: float | None) -> str:
    """A score with three decimals; from 10 on, as of 100, with one."""
    number = known(number)
    return UNKNOWN if number is None else f"{number:.{_decimals(number)}f}"


def _decimals(*numbers: float) -> int:
    return 1 if max(map(abs, numbers)) >= 10 else 3


def interval(estimate: Estimate, dash: str = "–") -> str:
    """An estimate's interval, or nothing where a bound is unknown."""
    low, high = known(estimate.low), known(estimate.high)
    if low is None or high is None:
        return ""
    places = _decimals(low, high, known(estimate.value) or 0.0)
    if low < 0:  # a dash beside a minus cannot be read
        return f"{low:.{places}f} to {high:.{places}f}".replace("-", "-" if dash == "-" else "\N{MINUS SIGN}")
    return f"{low:.{places}f}{dash}{high:.{places}f}"


def signed(number: float | None) -> str:
    """A difference with its sign."""
    number = known(number)
    return UNKNOWN if number is None else f"{number:+.{_decimals(number)}f}".replace("-", "−")


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


def epochs(number: float) -> str:
    """A number of epochs with two decimals at most."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


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
    """The tuned model's comparison with `system`: by the headline metric, or the first there is; known ones first."""
    found = [c for c in results.comparisons if c.against == system.name]
    against = [c for c in found if known(c.difference.value) is not None] or found
    return next((c for c in against if c.metric == results.headline), against[0] if against else None)


def headline_metrics(results: Results) -> tuple[str, ...]:
    """The metrics that every table shows: the headline first, then the usual ones as far as they were found.

    Of classes accuracy and macro F1; of texts all but those that say the same as another, such as perplexity beside
    loss, where some system has them.
    """
    found = {name for system in results.systems for name in system.metrics}
    usual: list[str] = [name for name in ("accuracy", "macro_f1") if name in found]
    if results.task in COUNTED:
        usual = [name for name in COUNTED[results.task] if name in found and name not in LEFT_OUT]
    elif results.task != "classification":
        scored = {n for s in results.systems for n, e in s.metrics.items() if known(e.value) is not None}
        usual = [name for name in TEXT_COLUMNS if name in scored]
    return tuple(dict.fromkeys([results.headline, *usual])) if results.headline in found else tuple(usual)
