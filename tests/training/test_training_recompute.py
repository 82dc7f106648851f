"""Layers that are computed again give the same loss and gradients, bit for bit, and hold fewer activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from text_room import LAYOUTS, LOSSES, step_for, text_model, with_lora
from training_room import tiny_bert

from tunewright.models.freeze import apply_method, train_mode
from tunewright.recipe.train import TopLayers
from tunewright.training.attention import attend_plainly
from tunewright.training.dropout import lighten_dropout
from tunewright.training.recompute import recompute_layers

if TYPE_CHECKING:
    from tunewright.recipe.train import Recompute

CPU = torch.device("cpu")


def dropping(model: Any) -> Any:
    """The model as training has it on a CPU, with dropout wherever it has a module for it."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.3
    lighten_dropout(model)
    attend_plainly(model)
    return model.train()


def stepped(model: Any, layout: str) -> tuple[float, dict[str, torch.Tensor], int]:
    """The loss of a step's passes under one seed, its gradients, and the bytes held for the backward pass."""
    held = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    torch.manual_seed(3)
    step = step_for(layout)  # type: ignore[arg-type]  # a layout of the room's
    total = torch.zeros(())
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        for batch in step.batches:
            total = total + LOSSES[layout](model, batch, CPU)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    size = sum(count for place, count in held.items() if place not in weights)
    total.backward()
    return total.item(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}, size


def run(family: str, which: Recompute) -> tuple[float, dict[str, torch.Tensor], int]:
    model = dropping(text_model(family))
    recompute_layers(model, which)
    return stepped(model, LAYOUTS[family])


@pytest.mark.parametrize("family", LAYOUTS)
def test_loss_and_gradients_are_the_same_and_less_is_held(family: str) -> None:
    expected, found = run(family, "none"), run(family, "all")
    assert found[0] == expected[0]
    assert found[1].keys() == expected[1].keys()
    for name, value in expected[1].items():
        assert torch.equal(found[1][name], value), name
    assert found[2] < expected[2]


def test_in_bf16_it_is_the_same_too() -> None:
    found: dict[Recompute, tuple[float, dict[str, torch.Tensor], int]] = {}
    whiches: tuple[Recompute, ...] = ("none", "all")
    for which in whiches:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found[which] = run("llama", which)
    assert found["all"][0] == found["none"][0]
    assert all(torch.equal(found["all"][1][name], value) for name, value in found["none"][1].items())
    assert found["all"][2] < found["none"][2]


def test_half_of_the_layers_hold_what_lies_between() -> None:
    none, half, whole = (run("llama", which) for which in ("none", "half", "all"))
    assert half[0] == none[0]
    assert all(torch.equal(half[1][name], value) for name, value in none[1].items())
    assert whole[2] < half[2] < none[2]


def test_dropout_is_in_the_law() -> None:
    """Another seed gives another loss: were nothing dropped, the law above would not see draws that differ."""
    model = dropping(text_model("bert"))
    one = stepped(model, "masked")[0]
    model.zero_grad()
    with torch.no_grad():
        torch.manual_seed(4)
        other = sum(LOSSES["masked"](model, batch, CPU).item() for batch in step_for("masked").batches)
    assert one != other


def test_adapters_and_their_base_are_computed_again_too() -> None:
    held = {}
    whiches: tuple[Recompute, ...] = ("none", "all")
    for which in whiches:
        model = dropping(with_lora(text_model("llama"), dropout=0.2))
        recompute_layers(model, which)
        held[which] = stepped(model, "causal")
    assert held["all"][0] == held["none"][0]
    assert all(torch.equal(held["all"][1][name], value) for name, value in held["none"][1].items())
    assert held["all"][2] < held["none"][2]


def test_what_is_frozen_takes_no_gradient() -> None:
    held = {}
    whiches: tuple[Recompute, ...] = ("none", "all")
    for which in whiches:
        model = dropping(tiny_bert())
        apply_method(model, TopLayers(kind="top_layers", layers=1))
        train_mode(model)
        recompute_layers(model, which)
        ids = torch.tensor([[5, 6, 7, 8]])
        states = model.bert(input_ids=ids, output_hidden_states=True).hidden_states
        held[which] = [state.requires_grad for state in states]
    assert held["all"] == held["none"]
    assert not held["all"][0]


def test_what_is_evaluated_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_bert()
    recompute_layers(model, "all")
    calls = []
    for layer in model.bert.encoder.layer:
        monkeypatch.setattr(layer, "_gradient_checkpointing_func", lambda *_: calls.append(1))
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        model.eval()(input_ids=ids)
    assert calls == []
