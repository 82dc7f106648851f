"""Whether something far simpler does better than the tuned model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.metrics import less_is_better
from tunewright.core.titles import metric_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.core.results import Comparison


def outdone(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each other system that is surely better by some metric: the whole interval lies on its side."""
    told: set[str] = set()
    for comparison in comparisons:
        difference, metric = comparison.difference, comparison.metric
        if difference.low is None or difference.high is None or comparison.against in told:
            continue
        behind = difference.low > 0 if less_is_better(metric) else difference.high < 0
        if behind:
            told.add(comparison.against)
            named = "base" if comparison.against == "base" else "best_baseline"
            yield (
                f"By {metric_title(metric)}, {titles[comparison.against]} does better than the tuned model (tuned "
                f"minus that: {difference.value:+.3g}, interval {difference.low:+.3g} to {difference.high:+.3g}): ask "
                f"what tuning is for here, and name it in gate.conditions (`system: {named}`) if it must be beaten."
            )
