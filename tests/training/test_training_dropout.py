"""Dropout by sixteen bits a number: its law, its scale, its seed, and its place within a model."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from training_room import tiny_bert

from tunewright.training.dropout import LightDropout, dropout_mask, lighten_dropout

TYPES = [torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("probability", [0.01, 0.1, 0.5, 0.9])
def test_numbers_are_dropped_with_the_probability_and_what_is_kept_grows(
    dtype: torch.dtype, probability: float
) -> None:
    """Of a million numbers the share dropped is within five standard errors; what is kept has one value."""
    torch.manual_seed(1)
    mask = dropout_mask(torch.empty(1000, 1000, dtype=dtype), probability)
    dropped = float((mask == 0).double().mean())
    assert dropped == pytest.approx(probability, abs=5 * (probability * (1 - probability) / 1e6) ** 0.5 + 1e-5)
    kept = mask[mask != 0].unique()
    assert (mask.dtype, len(kept)) == (dtype, 1)
    assert float(kept) == pytest.approx(1 / (1 - probability), rel=0.004)


def test_neighbours_are_dropped_independently() -> None:
    """The four numbers of one draw, and draws one behind the other: no two places agree more than chance has them."""
    torch.manual_seed(2)
    dropped = (dropout_mask(torch.empty(400_000), 0.5) == 0).double()
    for apart in range(1, 9):
        both = float((dropped[:-apart] * dropped[apart:]).mean())
        assert both == pytest.approx(0.25, abs=0.005), apart


def test_any_number_of_numbers_has_its_mask() -> None:
    for shape in [(0,), (1,), (3, 5), (2, 3, 7)]:
        assert dropout_mask(torch.empty(shape), 0.5).shape == shape
    assert not dropout_mask(torch.empty(9), 1.0).any()


def test_the_seed_of_torch_decides_and_evaluation_drops_nothing() -> None:
    dropout, ones = LightDropout(0.3), torch.ones(64)
    draws = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        draws.append(dropout(ones))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert dropout.eval()(ones) is ones


def test_the_gradient_goes_where_the_number_went() -> None:
    torch.manual_seed(6)
    given = torch.ones(200, requires_grad=True)
    taken = LightDropout(0.4)(given)
    taken.sum().backward()
    assert given.grad is not None
    assert torch.equal(given.grad, taken.detach())


def test_a_model_keeps_its_weights_names_probabilities_and_modes() -> None:
    model = tiny_bert(dropout=0.2)
    before = {name: (m.p, m.training) for name, m in model.named_modules() if isinstance(m, nn.Dropout)}
    weights = list(model.state_dict())
    lighten_dropout(model)
    after = {name: (m.p, m.training) for name, m in model.named_modules() if isinstance(m, LightDropout)}
    assert (after, list(model.state_dict())) == (before, weights)
