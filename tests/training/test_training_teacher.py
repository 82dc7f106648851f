"""Soft targets: their formula, and that weights, smoothing and the cut into passes keep it exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from text_room import assert_same
from training_room import gradients_of, state_of, tiny_bert, token_rows

from tunewright.core.encoded import IGNORED
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.recipe.train import TrainSpec
from tunewright.training.losses import classification_loss
from tunewright.training.objective import training_loss
from tunewright.training.step import gradients

WEIGHTED = (0.25, 1.0, 4.0)
LENGTHS = [int(n) for n in np.random.default_rng(2).integers(3, 30, size=16)]
SOFT_NK = np.random.default_rng(4).dirichlet(np.ones(3), size=16).astype(np.float32)


def loss_and_gradients(step: Any) -> tuple[float, Any]:
    """The step's mean loss and its gradient, of the tiny BERT as it begins."""
    state = state_of(tiny_bert())
    total = float(torch.stack(gradients(state, step, classification_loss)).sum())
    return total / step.weight, gradients_of(state.bare_model)


def step_of(rows: Any, *, budget: int = 40, weights: tuple[float, ...] = (), soft: Any = SOFT_NK) -> Any:
    plan = LoadPlan(16, budget, seed=7, pad_id=0, class_weights=weights, soft_NK=soft)
    return next(load_steps(rows, plan, after=0))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weights", [(), WEIGHTED], ids=["all alike", "by class"])
def test_each_row_is_held_against_its_own_soft_target(weights: tuple[float, ...], smoothing: float) -> None:
    full = token_rows([9] * 16)
    targets = full.targets_N.copy()
    targets[[1, 6]] = IGNORED
    step = step_of(replace(full, targets_N=targets), weights=weights)
    loss = training_loss(classification_loss, TrainSpec(label_smoothing=smoothing))
    found = float(torch.stack(gradients(state_of(tiny_bert()), step, loss)).sum()) / step.weight
    with torch.no_grad():
        logits = tiny_bert()(torch.from_numpy(np.stack([full.ids(n) for n in range(16)]).astype(np.int64))).logits
    wanted = (1 - smoothing) * torch.from_numpy(SOFT_NK) + smoothing / 3
    kept = np.flatnonzero(targets != IGNORED)
    rows = -(wanted * logits.log_softmax(dim=1)).sum(dim=1)[kept]
    each = torch.tensor(weights or (1.0, 1.0, 1.0))[targets[kept]]
    assert found == pytest.approx(float((rows * each).sum() / each.sum()), rel=1e-6)


def test_targets_that_are_all_of_one_class_are_the_plain_loss() -> None:
    rows = token_rows(LENGTHS)
    hard = np.eye(3, dtype=np.float32)[rows.targets_N]
    plain, soft = (loss_and_gradients(step_of(rows, soft=targets)) for targets in (None, hard))
    assert_same(soft, plain)


@pytest.mark.parametrize("budget", [1, 47])
def test_the_cut_into_passes_changes_neither_loss_nor_gradient(budget: int) -> None:
    rows = token_rows(LENGTHS)
    whole, cut = (loss_and_gradients(step_of(rows, budget=tokens)) for tokens in (10**6, budget))
    assert_same(cut, whole)


def test_soft_targets_of_other_rows_or_of_a_task_without_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="16 rows for 15"):
        step_of(token_rows(LENGTHS[:15]))
    with pytest.raises(ValueError, match="no classes"):
        LoadPlan(16, 40, seed=7, pad_id=0, layout="causal", soft_NK=SOFT_NK)
