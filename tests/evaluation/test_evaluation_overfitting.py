"""The gap between what the model saw and what it did not, read by intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from evaluation_cases import given

from tunewright.core.training import EvaluationReport, StepReport
from tunewright.evaluation.advice import Trained
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.overfitting import read_gap
from tunewright.evaluation.settings import ScoreSettings
from tunewright.recipe.schedule import Constant
from tunewright.recipe.train import TopLayers, TrainSpec

if TYPE_CHECKING:
    from tunewright.core.predictions import ClassPredictions


def trained(epochs: float = 8.0, best: int | None = None, **fields: object) -> Trained:
    """A training of 8 epochs asked for that came as far as `epochs`; by default its last checkpoint is the best."""
    last = fields.get("max_steps") if fields.get("max_steps") == 20 else 100
    spec = TrainSpec(epochs=8.0, **fields)
    step = StepReport(last, epochs, 1.0, 1.0, 1e-6, 32, 640, 32, 0.1)
    seen = tuple(EvaluationReport(at, epochs, {"loss": 1.0}, at <= (best or last), 0.1) for at in (best or 10, last))
    return Trained(spec, 2e-4, (step,), seen)


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
    gap = read_gap(*splits, metric=metric, settings=ScoreSettings(resamples=300), trained=trained())
    assert gap.reading.startswith(reading)
    figures = f"is {gap.train.value:.3f} on training rows and {gap.test.value:.3f} on test rows"
    assert f"{metric.replace('_f1', ' F1')} {figures}" in gap.reading
    assert gap.validation.value == pytest.approx(validation, abs=0.02)


def test_a_gap_without_rows_is_unknown() -> None:
    some, none = right(0.9, 30), right(0.9, 0)
    gap = read_gap(some, some, none, metric="accuracy", settings=ScoreSettings(resamples=100), trained=trained())
    assert gap.test.value is None
    assert gap.reading == "Unknown: there are no rows to score, so there is no gap to read."


def test_a_gap_in_an_unknown_metric_is_refused() -> None:
    some = right(0.9, 9)
    with pytest.raises(ValueError, match="unknown metric 'log_loss'"):
        read_gap(some, some, some, metric="log_loss", settings=ScoreSettings(resamples=100), trained=trained())


def test_the_test_score_has_the_interval_that_it_has_in_the_table_of_scores() -> None:
    rows, settings = right(0.9, 90), ScoreSettings(resamples=300, seed=4)
    gap = read_gap(rows, rows, rows, metric="macro_f1", settings=settings, trained=trained())
    scored = score_system(rows, name="tuned", title="", role="tuned", settings=settings)
    assert gap.test == scored.metrics["macro_f1"]


MORE = [
    (
        trained(epochs=8.0),
        ["raise train.epochs (8 now", "raise train.optimizer.lr", "larger base"],
        ["layers", "max_steps"],
    ),
    (
        trained(epochs=0.8727, max_steps=20),
        ["raise train.max_steps or leave it out (at 20 it ended training after 0.87 of the 8 epochs asked for)"],
        ["train.epochs", "patience", "layers", "larger base", "optimizer.lr"],
    ),
    (
        trained(epochs=5.0, max_steps=900),
        ["patience (at 3 it ended training after 5 of the 8"],
        ["max_steps", "layers"],
    ),
    (trained(epochs=8.0, best=40), ["raise train.optimizer.lr (its peak was 0.0002, and 1e-06 at"], ["train.epochs"]),
    (trained(method=TopLayers(layers=2)), ["train more layers (the top 2 and the head now)"], ["larger base"]),
    (trained(method=TopLayers(layers=0)), ["train more layers (the head alone now)"], ["larger base"]),
    (trained(schedule=Constant()), ["(its peak was 0.0002)"], ["at the last step"]),
]
LESS = [
    (trained(), ["kind: top_layers, layers: 2", "lower train.optimizer.lr (its peak was 0.0002)"], ["fewer epochs"]),
    (trained(best=40), ["step 40 of 100", "fewer epochs alone would change little"], []),
    (trained(method=TopLayers(layers=2)), ["train fewer layers (the top 2 and the head now)"], ["kind: top_layers"]),
    (trained(method=TopLayers(layers=0)), ["add training rows"], ["layers"]),
]


@pytest.mark.parametrize(
    ("share", "beyond", "case"), [*((0.5, 0.5, case) for case in MORE), *((0.99, 0.7, case) for case in LESS)]
)
def test_the_advice_follows_from_how_the_model_was_trained(share: float, beyond: float, case) -> None:
    how, said, unsaid = case
    rows, new = right(share, 1998), right(beyond, 999)
    gap = read_gap(rows, new, new, metric="accuracy", settings=ScoreSettings(resamples=100), trained=how)
    assert gap.reading.startswith("Underfits" if share == beyond else "Overfits")
    assert all(words in gap.reading for words in said), gap.reading
    assert not any(words in gap.reading for words in unsaid), gap.reading
