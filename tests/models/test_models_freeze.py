"""Which weights are trained: exactly the named ones move, frozen modules rest, too many layers are refused."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

import pytest
import torch
from safetensors import safe_open

from tiny_room import ENCODERS, LABELS
from tunewright.core.errors import RecipeError
from tunewright.models.freeze import apply_method, layer_list, train_mode
from tunewright.models.load import load_classifier
from tunewright.recipe.train import Full, Lora, MethodSpec, TopLayers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def classifier(folder: Path, dropout: float | None = None) -> Any:
    return load_classifier(folder, LABELS, dropout=dropout, seed=1)


def trained_names(model: Any) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def moved_names(model: Any, steps: int = 3) -> set[str]:
    """Names of the weights that a few steps of plain SGD with a loss of the logits change."""
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    ids = torch.randint(5, 60, (6, 12), generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(ids).logits, torch.arange(6) % 3).backward()
        optimizer.step()
    return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}


def test_every_method_of_the_recipe_is_known() -> None:
    assert set(get_args(get_args(MethodSpec)[0])) == {Full, Lora, TopLayers}


def test_full_tuning_trains_every_weight(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, Full())
    assert trained_names(model) == {name for name, _ in model.named_parameters()}


def test_the_top_layer_is_trained_with_the_pooler_and_the_head(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, TopLayers(layers=1))
    starts = ("bert.encoder.layer.1.", "bert.pooler.", "classifier.")
    expected = {name for name, _ in model.named_parameters() if name.startswith(starts)}
    assert trained_names(model) == expected
    train_mode(model)
    moved = moved_names(model)
    assert moved <= expected
    assert {name for name in expected if name.endswith("weight")} <= moved


def test_no_layer_means_the_head_alone(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, TopLayers(layers=0))
    assert trained_names(model) == {"classifier.weight", "classifier.bias"}


def test_all_layers_still_leave_the_embeddings(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, TopLayers(layers=2))
    frozen = {name for name, _ in model.named_parameters()} - trained_names(model)
    assert frozen
    assert all(name.startswith("bert.embeddings.") for name in frozen)


def test_a_method_can_be_applied_after_another(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, TopLayers(layers=0))
    apply_method(model, TopLayers(layers=1))
    assert "bert.encoder.layer.1.output.dense.weight" in trained_names(model)


def test_more_layers_than_the_model_has_are_refused(bert: Path) -> None:
    with pytest.raises(RecipeError, match="3 layers, but the model has 2") as raised:
        apply_method(classifier(bert), TopLayers(layers=3))
    assert raised.value.problems[0].place == "train.method.layers"


def test_frozen_modules_are_in_eval_mode_and_trained_ones_in_train_mode(bert: Path) -> None:
    model = classifier(bert, dropout=0.5)
    apply_method(model, TopLayers(layers=1))
    model.eval()
    train_mode(model)
    modes = {name: module.training for name, module in model.named_modules()}
    assert not any(mode for name, mode in modes.items() if name.startswith(("bert.embeddings", "bert.encoder.layer.0")))
    assert all(mode for name, mode in modes.items() if name.startswith("bert.encoder.layer.1"))
    assert modes["classifier"]
    ids = torch.randint(5, 60, (2, 9), generator=torch.Generator().manual_seed(1))
    lower = [model.base_model.embeddings(ids) for _ in range(2)]
    assert torch.equal(*lower), "a frozen embedding must not drop anything"
    assert not torch.equal(model(ids).logits, model(ids).logits), "the trained layer must"


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_every_family_shows_its_layers_and_freezes_below_the_top_one(bases: Callable[[str], Path], kind: str) -> None:
    model = classifier(bases(kind))
    layers = layer_list(model)
    assert len(layers) == 2
    apply_method(model, TopLayers(layers=1))
    assert not any(p.requires_grad for p in layers[0].parameters())
    assert all(p.requires_grad for p in layers[1].parameters())
    assert not any(p.requires_grad for p in model.base_model.get_input_embeddings().parameters())
    train_mode(model)
    assert moved_names(model) <= trained_names(model)


def test_a_dropout_of_the_recipe_reaches_every_layer(bert: Path) -> None:
    def rates(model: Any) -> set[float]:
        return {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}

    assert rates(classifier(bert)) == {0.1}
    assert rates(classifier(bert, dropout=0.0)) == {0.0}
    assert rates(classifier(bert, dropout=0.35)) == {0.35}


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_without_dropout_training_mode_is_deterministic_and_with_it_is_not(
    bases: Callable[[str], Path], kind: str
) -> None:
    ids = torch.randint(5, 60, (4, 9), generator=torch.Generator().manual_seed(1))
    still, moving = classifier(bases(kind), dropout=0.0).train(), classifier(bases(kind), dropout=0.5).train()
    assert torch.equal(still(ids).logits, still(ids).logits)
    assert not torch.equal(moving(ids).logits, moving(ids).logits)


def test_the_head_depends_on_the_seed_alone(bert: Path) -> None:
    torch.manual_seed(1)
    first = load_classifier(bert, LABELS, dropout=None, seed=1).classifier.weight
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = load_classifier(bert, LABELS, dropout=None, seed=1).classifier.weight
    assert torch.equal(torch.get_rng_state(), before), "loading must not move the global generator"
    other = load_classifier(bert, LABELS, dropout=None, seed=2).classifier.weight
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_trunk_is_the_bases_own(bert: Path) -> None:

    model = classifier(bert)
    with safe_open(bert / "model.safetensors", framework="pt") as saved:
        for name in islice(saved.keys(), 50):
            assert torch.equal(model.base_model.state_dict()[name], saved.get_tensor(name)), name
