"""Focal loss: its formula, its slope at rows that are certain, and that cuts and class weights keep it exact."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from training_room import assert_the_cut_changes_nothing, token_rows

from tunewright.core.encoded import IGNORED
from tunewright.data.collate import TokenBatch
from tunewright.recipe.train import TrainSpec
from tunewright.training.losses import classification_loss
from tunewright.training.objective import training_loss

LENGTHS = [int(n) for n in np.random.default_rng(2).integers(3, 30, size=16)]


def focal(gamma: float) -> Any:
    return training_loss(classification_loss, TrainSpec(focal=gamma))


def loss_of(logits: torch.Tensor, targets: list[int], gamma: float) -> torch.Tensor:
    """The loss of these logits, whatever the model."""
    count = len(targets)
    batch = TokenBatch(tuple("abcdef"[:count]), np.zeros((count, 1), np.int64), None, np.array(targets))
    value: torch.Tensor = focal(gamma)(lambda **_: SimpleNamespace(logits=logits), batch, torch.device("cpu"))
    return value


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_a_row_counts_by_how_improbable_its_class_is(gamma: float) -> None:
    torch.manual_seed(3)
    logits = torch.randn(4, 3, requires_grad=True)
    loss = loss_of(logits, [0, 2, 1, 1], gamma)
    probabilities = logits.softmax(dim=1)[torch.arange(4), torch.tensor([0, 2, 1, 1])]
    expected = ((1 - probabilities) ** gamma * -probabilities.log()).sum()
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    (ours,), (theirs,) = torch.autograd.grad(loss, [logits]), torch.autograd.grad(expected, [logits])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.3, 2.0])
def test_rows_that_are_certain_or_without_a_target_have_a_finite_slope(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-200.0, 0.0, 0.0]], requires_grad=True)
    loss = loss_of(logits, [0, IGNORED, 0], gamma)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[:2].any()


@pytest.mark.parametrize("weights", [(), (0.25, 1.0, 4.0)], ids=["all alike", "by class"])
@pytest.mark.parametrize("budget", [1, 47])
def test_the_cut_into_passes_changes_neither_loss_nor_gradient(budget: int, weights: tuple[float, ...]) -> None:
    full = token_rows(LENGTHS)
    targets = full.targets_N.copy()
    targets[[1, 6]] = IGNORED
    rows = replace(full, targets_N=targets)
    assert_the_cut_changes_nothing(rows, focal(2.0), budget=budget, weights=weights)
