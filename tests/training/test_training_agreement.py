"""R-Drop: its formula, what it asks of dropout, and that cuts into passes keep it exact."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from training_room import assert_the_cut_changes_nothing, tiny_bert, token_rows

from tunewright.core.encoded import IGNORED
from tunewright.data.collate import TokenBatch
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.recipe.train import TrainSpec
from tunewright.training.losses import classification_loss
from tunewright.training.objective import training_loss

CPU = torch.device("cpu")


def agreeing(alpha: float, **more: Any) -> Any:
    return training_loss(classification_loss, TrainSpec(r_drop=alpha, **more))


def saying(logits: torch.Tensor) -> Any:
    """A model that gives these logits, whatever it is asked."""
    return lambda **_: SimpleNamespace(logits=logits)


def batch_of(targets: list[int], **more: Any) -> TokenBatch:
    count = len(targets)
    return TokenBatch(tuple("abcdef"[:count]), np.zeros((count, 1), np.int64), None, np.array(targets), **more)


@pytest.mark.parametrize("alpha", [0.5, 4.0])
@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 0.5]])
def test_it_is_the_mean_cross_entropy_and_the_mean_divergence_of_both_ways(
    alpha: float, weights: list[float] | None
) -> None:
    torch.manual_seed(3)
    one, other = torch.randn(3, 4).double(), torch.randn(3, 4).double()
    targets, kl = torch.tensor([0, 2, 1]), torch.distributions.kl_divergence
    p, q = (torch.distributions.Categorical(logits=logits) for logits in (one, other))
    entropy = sum(torch.nn.functional.cross_entropy(z, targets, reduction="none") for z in (one, other)) / 2
    by_row = entropy + alpha * (kl(p, q) + kl(q, p)) / 2
    expected = (by_row * torch.tensor(weights or [1.0, 1.0, 1.0])).sum()
    batch = batch_of(targets.tolist(), weights_B=None if weights is None else np.array(weights, np.float32))
    given: list[int] = []

    def model(*, input_ids: torch.Tensor, attention_mask: object) -> Any:
        given.append(len(input_ids))
        return SimpleNamespace(logits=torch.cat([one, other]))

    assert float(agreeing(alpha)(model, batch, CPU)) == pytest.approx(float(expected), rel=1e-5)
    assert given == [6]


def test_softened_and_smoothed_targets_count_for_both_ways() -> None:
    soft_BK = np.array([[0.2, 0.8, 0.0], [0.5, 0.25, 0.25]], np.float32)
    logits = torch.randn(2, 3)
    batch = batch_of([1, 0], soft_BK=soft_BK)
    plain = training_loss(classification_loss, TrainSpec(label_smoothing=0.1))
    one = plain(saying(logits), batch, CPU)
    twice = agreeing(3.0, label_smoothing=0.1)(saying(torch.cat([logits, logits])), batch, CPU)
    assert float(twice) == pytest.approx(float(one), rel=1e-5)


def test_a_row_without_a_target_counts_for_nothing() -> None:
    logits = torch.randn(4, 3)
    whole = agreeing(2.0)(saying(logits), batch_of([1, IGNORED]), CPU)
    alone = agreeing(2.0)(saying(logits[[0, 2]]), batch_of([1]), CPU)
    assert float(whole) == pytest.approx(float(alone), rel=1e-6)


def test_without_dropout_it_is_the_plain_loss_and_with_it_it_is_more() -> None:
    step = next(load_steps(token_rows([5, 9, 4, 7]), LoadPlan(4, 10**6, seed=7, pad_id=0), after=0))
    batch = step.batches[0]
    still, shaken = tiny_bert(), tiny_bert(dropout=0.3)
    plain = float(classification_loss(still, batch, CPU))
    assert float(agreeing(5.0)(still, batch, CPU)) == pytest.approx(plain, rel=1e-5)
    found = []
    for alpha in (1e-6, 5.0):
        torch.manual_seed(2)
        found.append(float(agreeing(alpha)(shaken, batch, CPU)))
    assert found[1] > found[0] + 1e-4


@pytest.mark.parametrize("budget", [1, 47])
def test_the_cut_into_passes_changes_neither_loss_nor_gradient(budget: int) -> None:
    rows = token_rows([int(n) for n in np.random.default_rng(2).integers(3, 30, size=16)])
    assert_the_cut_changes_nothing(rows, agreeing(2.0), budget=budget)
