"""Label smoothing: its formula, and that cuts, chunks and class weights keep it exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from text_room import LAYOUTS, LOSSES, assert_same, loss_and_gradients, step_for, text_model
from training_room import assert_the_cut_changes_nothing, state_of, tiny_bert, token_rows

from tunewright.core.encoded import IGNORED
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.recipe.train import TrainSpec
from tunewright.training import losses
from tunewright.training.chunked import HeadForm, chunked_cross_entropy
from tunewright.training.losses import classification_loss
from tunewright.training.objective import training_loss
from tunewright.training.step import gradients

SMOOTHED = TrainSpec(label_smoothing=0.2)
WEIGHTED = (0.25, 1.0, 4.0)
LENGTHS = [int(n) for n in np.random.default_rng(2).integers(3, 30, size=16)]


def by_hand(logits_NK: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of 0.8 on the target and 0.2 spread over all K classes, a row."""
    classes = logits_NK.shape[1]
    wanted_NK = torch.full_like(logits_NK, 0.2 / classes)
    wanted_NK[torch.arange(len(targets_N)), targets_N] += 0.8
    return -(wanted_NK * logits_NK.log_softmax(dim=1)).sum(dim=1)


def step_of(rows: Any, budget: int, weights: tuple[float, ...]) -> Any:
    return next(load_steps(rows, LoadPlan(16, budget, seed=7, pad_id=0, class_weights=weights), after=0))


@pytest.mark.parametrize("weights", [(), WEIGHTED], ids=["all alike", "by class"])
def test_a_smoothed_step_is_the_weighted_mean_of_smoothed_rows(weights: tuple[float, ...]) -> None:
    full = token_rows([9] * 16)
    targets = full.targets_N.copy()
    targets[[1, 6]] = IGNORED
    step = step_of(replace(full, targets_N=targets), 40, weights)
    sums = gradients(state_of(tiny_bert()), step, training_loss(classification_loss, SMOOTHED))
    with torch.no_grad():
        logits = tiny_bert()(torch.from_numpy(np.stack([full.ids(n) for n in range(16)]).astype(np.int64))).logits
    kept = torch.from_numpy(np.flatnonzero(targets != IGNORED))
    rows = by_hand(logits[kept], torch.from_numpy(targets)[kept])
    each = torch.tensor(weights or (1.0, 1.0, 1.0))[torch.from_numpy(targets)[kept]]
    expected = float((rows * each).sum() / each.sum())
    assert float(torch.stack(sums).sum()) / step.weight == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weights", [(), WEIGHTED], ids=["all alike", "by class"])
@pytest.mark.parametrize("budget", [1, 47])
def test_the_cut_into_passes_changes_neither_loss_nor_gradient(budget: int, weights: tuple[float, ...]) -> None:
    loss = training_loss(classification_loss, SMOOTHED)
    assert_the_cut_changes_nothing(token_rows(LENGTHS), loss, budget=budget, weights=weights)


@pytest.mark.parametrize("family", ["llama", "t5", "bert"])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_tokens_are_smoothed_over_the_vocabulary(family: str, chunked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "worth_chunks", lambda *_: chunked)
    monkeypatch.setattr(losses, "rows_at_once", lambda *_: 5)
    layout, model = LAYOUTS[family], text_model(family)
    plain, step = LOSSES[layout], step_for(layout)

    def all_logits(model: Any, batch: Any, device: torch.device) -> torch.Tensor:
        made: list[torch.Tensor] = []
        head = model.get_output_embeddings()
        handle = head.register_forward_hook(lambda _module, _inputs, output: made.append(output))
        monkeypatch.setattr(losses, "worth_chunks", lambda *_: False)
        plain(model, batch, device)
        handle.remove()
        targets = torch.from_numpy(batch.targets[batch.targets != IGNORED])
        return by_hand(made[0][0].float(), targets).sum()

    found = loss_and_gradients(model, step, training_loss(plain, SMOOTHED))
    assert_same(found, loss_and_gradients(model, step, all_logits))


def test_smoothed_chunks_behind_a_scale_and_a_cap_equal_autograd() -> None:
    torch.manual_seed(1)
    tensors = [torch.randn(23, 16), torch.randn(40, 16) * 0.3, torch.randn(40)]
    targets = torch.randint(40, (23,))
    found = []
    for chunk in (None, 6):
        hidden, weight, bias = leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        head = HeadForm(weight, bias, scale=0.7, cap=2.0)
        if chunk is None:
            loss = by_hand(head.logits(hidden), targets).sum()
        else:
            loss = chunked_cross_entropy(hidden, head, targets, chunk=chunk, smoothing=0.2)
        (0.3 * loss).backward()
        found.append([loss.detach(), *(leaf.grad for leaf in leaves)])
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-6)


def test_without_smoothing_the_loss_is_the_tasks_own() -> None:
    assert training_loss(classification_loss, TrainSpec()) is classification_loss
