"""Which weights decay, and that every optimiser of the recipe can be built."""

from __future__ import annotations

from types import UnionType
from typing import Union, get_args, get_origin

import torch
from training_room import tiny_bert

from tunewright.recipe.train import AdamW, TrainSpec
from tunewright.training.optimizers import BUILDERS, build_optimizer, parameter_groups


def test_every_optimiser_of_the_recipe_has_exactly_one_builder() -> None:
    annotation = TrainSpec.model_fields["optimizer"].annotation
    kinds = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    assert set(BUILDERS) == set(kinds)


def test_biases_and_norms_do_not_decay_and_every_trained_weight_stands_in_one_group() -> None:
    model = tiny_bert()
    names = {id(p): name for name, p in model.named_parameters()}
    decayed, bare = parameter_groups(model, 0.3)
    assert (decayed["weight_decay"], bare["weight_decay"]) == (0.3, 0.0)
    found = [names[id(p)] for group in (decayed, bare) for p in group["params"]]
    assert sorted(found) == sorted(names.values())
    expected = {n for n in names.values() if n.endswith(".bias") or "LayerNorm" in n}
    assert {names[id(p)] for p in bare["params"]} == expected


def test_a_frozen_weight_stands_in_no_group() -> None:
    model = tiny_bert()
    model.base_model.requires_grad_(requires_grad=False)
    optimizer = build_optimizer(AdamW(), model, 1e-3)
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.classifier.parameters()}


def test_adamw_takes_the_numbers_of_its_spec() -> None:
    spec = AdamW(lr=1e-3, betas=[0.8, 0.95], eps=1e-6, weight_decay=0.2)
    optimizer = build_optimizer(spec, tiny_bert(), 4e-4)
    assert isinstance(optimizer, torch.optim.AdamW)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (4e-4, (0.8, 0.95), 1e-6, 0.2)
    assert group["fused"]
