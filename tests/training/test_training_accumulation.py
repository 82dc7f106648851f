"""The accumulation law: how a step is cut into forward passes changes neither its loss nor its gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from training_room import gradients_of, in_one_pass, state_of, step_of, tiny_bert, token_rows

from tunewright.data.loader import IGNORED, StepBatches
from tunewright.training.losses import classification_loss
from tunewright.training.step import gradients, optimizer_step

if TYPE_CHECKING:
    from tunewright.data.tokenize import TokenRows

TOLERANCE = {"rtol": 1e-5, "atol": 1e-7}
"""In fp32 without dropout: the sums are those of other orders of addition, nothing else."""


def sixteen(rows: TokenRows, micro_batch_tokens: int | None) -> StepBatches:
    """The loader's step of 16 rows, cut to the budget; without one, in a single pass."""
    batches = step_of(rows, batch_size=16, micro_batch_tokens=micro_batch_tokens or 10**6)
    return batches if micro_batch_tokens else in_one_pass(rows, batches)


def loss_and_gradients(rows: TokenRows, micro_batch_tokens: int | None) -> tuple[int, float, dict[str, torch.Tensor]]:
    state = state_of(tiny_bert())
    batches = sixteen(rows, micro_batch_tokens)
    losses = gradients(state, batches, classification_loss)
    return len(batches.batches), float(torch.stack(losses).sum()) / batches.targets, gradients_of(state.bare_model)


def assert_equal_steps(rows: TokenRows, micro_batch_tokens: int, *, passes: int | None = None) -> None:
    whole_passes, whole_loss, whole = loss_and_gradients(rows, None)
    assert whole_passes == 1
    cut_passes, cut_loss, cut = loss_and_gradients(rows, micro_batch_tokens)
    assert cut_passes == passes if passes is not None else cut_passes > 1
    assert cut_loss == pytest.approx(whole_loss, rel=1e-6)
    assert cut.keys() == whole.keys()
    for name in whole:
        torch.testing.assert_close(cut[name], whole[name], **TOLERANCE, msg=lambda text, n=name: f"{n}: {text}")


def test_a_step_of_sixteen_equals_four_micro_batches_of_four() -> None:
    assert_equal_steps(token_rows([10] * 16), 40, passes=4)


@pytest.mark.parametrize("budget", [1, 30, 47, 90])
def test_micro_batches_of_unequal_size_give_the_same_step(budget: int) -> None:
    lengths = [int(n) for n in np.random.default_rng(2).integers(3, 30, size=16)]
    assert_equal_steps(token_rows(lengths), budget)


def test_rows_without_a_target_count_for_nothing() -> None:
    full = token_rows([9] * 16)
    targets = full.targets_N.copy()
    targets[[1, 5, 6, 7, 11]] = IGNORED
    rows = replace(full, targets_N=targets)
    assert_equal_steps(rows, 40, passes=4)
    _, loss, _ = loss_and_gradients(rows, 40)
    kept = [n for n in range(16) if targets[n] != IGNORED]
    model = tiny_bert()
    with torch.no_grad():
        logits = model(torch.from_numpy(np.stack([full.ids(n) for n in kept]).astype(np.int64))).logits
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets[kept]))
    assert loss == pytest.approx(float(expected), rel=1e-6)


def test_the_reported_loss_and_norm_are_those_of_the_whole_step() -> None:
    rows = token_rows([int(n) for n in np.random.default_rng(4).integers(3, 30, size=16)])
    reports = [
        optimizer_step(
            state_of(tiny_bert()),
            sixteen(rows, budget),
            classification_loss,
            lr=1e-3,
            max_norm=1.0,
        )
        for budget in (None, 40)
    ]
    assert reports[0].loss == pytest.approx(reports[1].loss, rel=1e-6)
    assert reports[0].grad_norm == pytest.approx(reports[1].grad_norm, rel=1e-5)
    assert {(r.examples, r.targets, r.tokens) for r in reports} == {(16, 16, int(rows.lengths_N.sum()))}
