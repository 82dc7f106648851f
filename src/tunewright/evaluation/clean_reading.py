"""What the scores on the clean part of the test say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.titles import metric_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.results import CleanPart, Comparison, Estimate, Results


def clean_reading(results: Results) -> str:
    """One sentence that says what the tuned model scores on the clean part, beside the whole test.

    Raises ValueError where the test holds no contaminated row.
    """
    part, metric = results.clean_part, results.headline
    if part is None:
        raise ValueError("the results have no clean part")
    lead = f"Without the {part.left_out:,} of {part.left_out + part.n:,} test rows that stand in training rows"
    if not part.n:
        return f"{lead}, nothing is left to score: what the model can do on unseen rows is unknown."
    whole, clean = (next(s for s in scored if s.role == "tuned") for scored in (results.systems, part.systems))
    said = f"{metric_title(metric)} of the tuned model is {_figure(clean.metrics[metric])}"
    return f"{lead}, {said} ({_figure(whole.metrics[metric])} on all){_against_base(results, part)}."


def _against_base(results: Results, part: CleanPart) -> str:
    base = next((system for system in part.systems if system.role == "base"), None)
    if base is None:
        return ""
    clean, whole = (_of(compared, results.headline, base.name) for compared in (part.comparisons, results.comparisons))
    if clean is None or clean.difference.value is None or clean.p_value is None:
        return f"; against {base.title} nothing can be said"
    said = f"; {clean.difference.value:+.3f} against {base.title}, {_p(clean.p_value)}"
    alpha = round(1 - results.confidence, 9)
    lost = whole is not None and whole.p_value is not None and whole.p_value < alpha <= clean.p_value
    return f"{said}: the difference that all rows show is not shown without them" if lost else said


def _of(comparisons: Sequence[Comparison], metric: str, against: str) -> Comparison | None:
    return next((c for c in comparisons if (c.metric, c.against) == (metric, against)), None)


def _figure(estimate: Estimate) -> str:
    return "unknown" if estimate.value is None else f"{estimate.value:.3f}"


def _p(p_value: float) -> str:
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.3g}"
