"""How far texts are learned by heart, and what the sentence about it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from text_cases import spoken

from tunewright.core.training import StepReport
from tunewright.evaluation.advice import Trained
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.text_gap import read_text_gap
from tunewright.recipe.train import Lora, TrainSpec

FAST = ScoreSettings(resamples=200)
LAST = StepReport(40, 8.0, 1.0, 1.0, 1e-5, 32, 1000, 500, 0.1)
TRAINED = Trained(TrainSpec(method=Lora(rank=8)), 1e-4, (LAST,), ())
ROWS = spoken(400, quality=0.8, seed=1)


def at(loss: float, n: int = 400):
    """Rows whose loss a token is about `loss`."""
    noise = np.random.default_rng(2).normal(1, 0.2, n)
    rows = ROWS if n == 400 else spoken(n, quality=0.8, seed=1)
    return replace(rows, nats_N=rows.target_tokens_N * loss * noise)


@pytest.mark.parametrize(
    ("losses", "base", "n", "begins", "holds"),
    [
        ((1.0, 2.0, 2.1), 3.0, 400, "Overfits", "lower train.method.rank (8 now)"),
        ((2.0, 2.0, 2.05), 3.0, 400, "Fits well", "a gap of at most"),
        ((2.0, 2.0, 2.05), 2.0, 400, "Underfits", "raise train.method.rank"),
        ((2.0, 2.0, 2.05), None, 400, "Fits well", "2.0"),
        ((2.0, 2.0, 2.3), 3.0, 8, "Cannot tell", "add test rows"),
        ((2.0, 1.5, 2.1), 3.0, 400, "Fits its training rows well, yet", "validation rows are easier"),
    ],
)
def test_the_reading_follows_the_intervals(losses, base, n, begins: str, holds: str) -> None:
    splits = [at(loss, n) for loss in losses]
    gap = read_text_gap(*splits, settings=FAST, trained=TRAINED, base=None if base is None else at(base, n))
    assert gap.reading.startswith(begins), gap.reading
    assert holds in gap.reading
    assert "labels" not in gap.reading
    assert gap.metric == "loss"
    assert gap.train.low < gap.train.value < gap.train.high
    assert gap.test.n == n


def test_without_likelihoods_there_is_no_gap_to_read() -> None:
    unknown = replace(ROWS, nats_N=np.full(400, np.nan))
    assert read_text_gap(unknown, ROWS, ROWS, settings=FAST, trained=TRAINED).reading.startswith("Unknown")


def curve(losses, *, epochs: float = 3.0) -> tuple[StepReport, ...]:
    n = len(losses)
    return tuple(
        replace(LAST, step=k + 1, epoch=epochs * (k + 1) / n, loss=float(loss)) for k, loss in enumerate(losses)
    )


@pytest.mark.parametrize(
    ("trained", "says"),
    [
        (Trained(TrainSpec(max_steps=20), 1e-4, curve([7.0] * 20, epochs=0.1), ()), "ended training after 0.1 of the"),
        (Trained(TrainSpec(), 1e-4, curve(np.linspace(9, 7, 40)), ()), "still fell steeply at the end, by 0.51"),
    ],
)
def test_a_model_that_has_hardly_been_trained_is_not_said_to_fit_well(trained: Trained, says: str) -> None:
    splits = [at(loss) for loss in (2.0, 2.0, 2.05)]
    gap = read_text_gap(*splits, settings=FAST, trained=trained, base=at(3.0))
    assert gap.reading.startswith("Cannot tell")
    assert says in gap.reading
    assert "What to do: raise train." in gap.reading


def test_a_loss_that_levelled_off_before_the_end_fits_well() -> None:
    levelled = curve(2 + 5 * np.exp(-np.arange(40) / 5))
    splits = [at(loss) for loss in (2.0, 2.0, 2.05)]
    for trained in (
        Trained(TrainSpec(), 1e-4, levelled, ()),
        Trained(TrainSpec(max_steps=40), 1e-4, curve([2.0] * 40, epochs=2.0), ()),
    ):
        assert read_text_gap(*splits, settings=FAST, trained=trained, base=at(9.0)).reading.startswith("Fits well")
