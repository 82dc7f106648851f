"""The closing figures as JSON data, for `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.core.codec import to_data
from tunewright.reporting.figures import known

if TYPE_CHECKING:
    from tunewright.core.results import GateResult, Results


def summary(results: Results, gate: GateResult) -> dict[str, Any]:
    """Verdict, scores, comparisons and gap as JSON data; an unknown number is null with its reason beside it.

    Per-class scores and confusion counts stay in `results.json`.
    """
    systems = [
        {key: value for key, value in to_data(system).items() if key not in {"per_class", "confusion"}}
        for system in results.systems
    ]
    data: dict[str, Any] = {
        "verdict": gate.verdict.value,
        "reasons": [to_data(outcome) for outcome in gate.outcomes],
        "task": results.task,
        "n": results.n,
        "headline": results.headline,
        "systems": systems,
        "comparisons": [to_data(comparison) for comparison in results.comparisons],
        "gap": to_data(results.gap) if results.gap else None,
        "retention": to_data(results.retention) if results.retention else None,
        "since_first": to_data(results.since_first) if results.since_first else None,
        "earlier_test": to_data(results.earlier_test) if results.earlier_test else None,
        "clean_part": to_data(results.clean_part) if results.clean_part else None,
        "slices": [to_data(part) for part in results.slices],
        "warnings": [*results.warnings, *gate.warnings],
    }
    finite: dict[str, Any] = _finite(data)
    return finite


def _finite(value: Any) -> Any:
    """JSON has no NaN: a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return known(value) if isinstance(value, float) else value
