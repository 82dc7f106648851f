"""The gap between what the model saw and what it did not, read by intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from evaluation_cases import given

from tunewright.evaluation.overfitting import read_gap
from tunewright.evaluation.settings import ScoreSettings

if TYPE_CHECKING:
    from tunewright.core.predictions import ClassPredictions


def right(share: float, rows: int) -> ClassPredictions:
    """Three equal classes of which just this share of the rows is right, the errors spread evenly."""
    targets = [i % 3 for i in range(rows)]
    return given(targets, [t if i < share * rows else (t + 1) % 3 for i, t in enumerate(targets)], classes=3)


@pytest.mark.parametrize(
    ("train", "validation", "test", "n", "reading"),
    [
        (0.99, 0.95, 0.95, 999, "Fits well"),
        (0.99, 0.75, 0.75, 999, "Overfits"),
        (0.6, 0.6, 0.6, 999, "Underfits"),
        (0.7, 0.3, 0.3, 999, "Overfits"),  # it learned little, and that little by heart
        (0.99, 0.85, 0.85, 30, "Cannot tell"),
        (0.93, 0.999, 0.86, 1998, "Fits its training rows well, yet"),
    ],
)
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_the_gap_is_read_by_intervals(train, validation, test, n, reading, metric) -> None:
    splits = [right(share, rows) for share, rows in ((train, 1998), (validation, n), (test, n))]
    gap = read_gap(*splits, metric=metric, settings=ScoreSettings(resamples=300))
    assert gap.reading.startswith(reading)
    assert f"{gap.train.value:.3f} on training rows and {gap.test.value:.3f} on test rows" in gap.reading
    assert gap.validation.value == pytest.approx(validation, abs=0.02)


def test_a_gap_without_rows_is_unknown() -> None:
    some, none = right(0.9, 30), right(0.9, 0)
    gap = read_gap(some, some, none, metric="accuracy", settings=ScoreSettings(resamples=100))
    assert gap.test.value is None
    assert gap.reading == "Unknown: there are no rows to score, so there is no gap to read."


def test_a_gap_in_an_unknown_metric_is_refused() -> None:
    some = right(0.9, 9)
    with pytest.raises(ValueError, match="unknown metric 'log_loss'"):
        read_gap(some, some, some, metric="log_loss", settings=ScoreSettings(resamples=100))
