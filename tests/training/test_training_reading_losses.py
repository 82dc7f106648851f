"""Losses of models that read: their formulas by hand, and what has no target counts for nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tunewright.core.encoded import IGNORED
from tunewright.data.collate import TokenBatch, without_targets
from tunewright.training.reading_losses import label_set_loss, tag_loss, value_loss

if TYPE_CHECKING:
    from tunewright.training.losses import LossSum

CPU, NAN = torch.device("cpu"), np.nan


def batch_of(targets: Any) -> TokenBatch:
    return TokenBatch(("a", "b"), np.zeros((2, 3), np.int64), None, targets)


def by_hand_sets(logits: torch.Tensor) -> torch.Tensor:
    return -(logits[0, 0].sigmoid().log() + (1 - logits[0, 1].sigmoid()).log() + logits[1, 0].sigmoid().log())


def by_hand_tags(logits: torch.Tensor) -> torch.Tensor:
    logs = logits.log_softmax(dim=-1)
    return -(logs[0, 0, 2] + logs[0, 2, 0] + logs[1, 1, 1])


def by_hand_values(logits: torch.Tensor) -> torch.Tensor:
    return (logits[1, 0] - 2.5) ** 2


CASES: dict[str, tuple[LossSum, tuple[int, ...], Any, Any]] = {
    "label sets": (label_set_loss, (2, 2), np.array([[1, 0], [1, NAN]], np.float32), by_hand_sets),
    "tags": (tag_loss, (2, 3, 4), np.array([[2, IGNORED, 0], [IGNORED, 1, IGNORED]]), by_hand_tags),
    "numbers": (value_loss, (2, 1), np.array([NAN, 2.5], np.float32), by_hand_values),
}


def loss_and_gradient(loss: LossSum, logits: torch.Tensor, batch: TokenBatch, **more: Any) -> tuple[float, Any]:
    given = logits.clone().requires_grad_()
    found = loss(lambda **_: SimpleNamespace(logits=given), batch, CPU, **more)  # type: ignore[arg-type]  # no module
    found.backward()
    return float(found.detach()), given.grad


@pytest.mark.parametrize("case", CASES)
def test_a_loss_is_the_sum_over_the_targets_there_are(case: str) -> None:
    torch.manual_seed(4)
    loss, shape, targets, by_hand = CASES[case]
    logits = torch.randn(shape)
    found, gradient = loss_and_gradient(loss, logits, batch_of(targets))
    plain = logits.clone().requires_grad_()
    expected = by_hand(plain)
    expected.backward()
    assert found == pytest.approx(float(expected.detach()), rel=1e-5)
    torch.testing.assert_close(gradient, plain.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_pass_without_a_target_has_no_loss_and_a_gradient_of_zeros(case: str) -> None:
    """As a process has that stands by while others compute the last rows of an epoch."""
    loss, shape, targets, _ = CASES[case]
    found, gradient = loss_and_gradient(loss, torch.randn(shape), without_targets(batch_of(targets)))
    assert found == 0
    assert torch.equal(gradient, torch.zeros(shape))


def test_smoothed_tags_have_a_share_of_each_target_spread_over_all() -> None:
    torch.manual_seed(5)
    logits = torch.randn(2, 3, 4)
    loss, _, targets, by_hand = CASES["tags"]
    found, _ = loss_and_gradient(loss, logits, batch_of(targets), smoothing=0.2)
    even = -logits.log_softmax(dim=-1).mean(dim=-1)
    expected = 0.8 * by_hand(logits) + 0.2 * (even[0, 0] + even[0, 2] + even[1, 1])
    assert found == pytest.approx(float(expected), rel=1e-5)
