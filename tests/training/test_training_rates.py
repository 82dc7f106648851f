"""Learning rates that differ by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from training_room import state_of, step_of, tiny_bert, token_rows

from tunewright.models.freeze import apply_method, train_mode
from tunewright.recipe.train import AdamW, Lora, TrainSpec
from tunewright.training.losses import classification_loss
from tunewright.training.optimizers import parameter_groups
from tunewright.training.rates import by_rate, rate_factors
from tunewright.training.step import optimizer_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11])


def rates_by_name(model: Any, groups: Any) -> dict[str, float]:
    names = {id(p): name for name, p in model.named_parameters()}
    return {names[id(p)]: group.get("rate", 1.0) for group in groups for p in group["params"]}


def moved(before: Mapping[str, torch.Tensor], model: Any) -> dict[str, float]:
    """How far each weight went, at most."""
    return {name: float((p.detach() - before[name]).abs().max()) for name, p in model.named_parameters()}


def test_groups_are_cut_by_rate_and_keep_their_weight_decay() -> None:
    model = tiny_bert()
    first = model.classifier.weight
    whole = parameter_groups(model, 0.3)
    assert by_rate(whole, {}) == whole
    cut = by_rate(whole, {first: 2.0})
    assert len(cut) == 3
    assert sum(len(group["params"]) for group in cut) == len(list(model.parameters()))
    (own,) = [group for group in cut if group["rate"] == 2.0]
    assert (own["params"], own["weight_decay"]) == ([first], 0.3)


def test_the_second_matrix_of_an_adapter_has_its_own_rate() -> None:
    model = apply_method(tiny_bert(), Lora(rank=2, b_rate=16.0))
    rates = rates_by_name(model, by_rate(parameter_groups(model, 0.0), rate_factors(model, Lora(b_rate=16.0))))
    assert {rate for name, rate in rates.items() if ".lora_B." in name} == {16.0}
    assert {rate for name, rate in rates.items() if ".lora_B." not in name} == {1.0}


def test_a_weight_moves_by_its_own_rate() -> None:
    """The first step of Adam without decay is the rate itself, wherever there is a gradient."""
    spec = TrainSpec(method=Lora(rank=2, b_rate=16.0), optimizer=AdamW(lr=1e-3, weight_decay=0.0, eps=1e-12))
    model: Any = apply_method(tiny_bert(), spec.method, seed=1)
    train_mode(model)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    state = state_of(model, spec)
    report = optimizer_step(
        state, step_of(ROWS, batch_size=4, micro_batch_tokens=64), classification_loss, lr=1e-4, max_norm=None
    )
    assert report.lr == 1e-4
    far = moved(before, model)
    second = [far[name] for name in far if ".lora_B." in name]
    assert second == pytest.approx([16e-4] * len(second), rel=1e-2)
    assert far["base_model.model.classifier.modules_to_save.default.weight"] == pytest.approx(1e-4, rel=1e-2)
