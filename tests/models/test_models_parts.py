"""Named parts that are frozen, and layers that are unfrozen one after the other."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig

from tiny_models import TO_TEXT
from tiny_room import ENCODERS, LABELS
from tunewright.core.errors import RecipeError
from tunewright.models.freeze import apply_method, below_layers, own_layers, require_layers, train_mode, train_top
from tunewright.models.load import load_causal, load_classifier, load_seq2seq
from tunewright.models.parts import names_it, spelled_out
from tunewright.models.skeleton import require_modules, require_recomputable
from tunewright.recipe.train import Full, TopLayers, Unfreezing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITERS = ("gpt2", "llama", "gemma2", "phi3", "t5", "bart")


def classifier(folder: Path) -> Any:
    return load_classifier(folder, LABELS, dropout=None, seed=1)


def writer(folder: Path, family: str) -> Any:
    return (load_seq2seq if family in TO_TEXT else load_causal)(folder, dropout=None)


def frozen(model: Any) -> set[str]:
    return {name for name, p in model.named_parameters() if not p.requires_grad}


def starting(model: Any, *starts: str) -> set[str]:
    return {name for name, _ in model.named_parameters() if name.startswith(starts)}


@pytest.mark.parametrize(
    ("pattern", "starts"),
    [
        ("embeddings", ("bert.embeddings.",)),
        ("encoder.layer.0-1", ("bert.encoder.layer.",)),
        ("layer.1", ("bert.encoder.layer.1.",)),
        ("bert", ("bert.",)),
        ("encoder.layer.0.attention", ("bert.encoder.layer.0.attention.",)),
        ("pool*", ("bert.pooler.",)),
    ],
)
def test_a_pattern_freezes_what_it_names_and_nothing_else(bert: Path, pattern: str, starts: tuple[str, ...]) -> None:
    model = classifier(bert)
    apply_method(model, Full(freeze=[pattern]))
    assert frozen(model) == starting(model, *starts)
    apply_method(model, Full())
    assert not frozen(model)


def test_letters_that_stand_for_others_stay_within_one_name(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, Full(freeze=["*.bias", "LayerNorm"]))
    assert frozen(model) == {n for n, _ in model.named_parameters() if n.endswith(".bias") or ".LayerNorm." in n}


def test_modules_that_are_frozen_whole_are_in_eval_mode(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, Full(freeze=["embeddings", "encoder.layer.0"]))
    train_mode(model)
    modes = {name: module.training for name, module in model.named_modules()}
    assert not any(on for name, on in modes.items() if name.startswith(("bert.embeddings", "bert.encoder.layer.0")))
    assert modes["bert.encoder.layer.1"]
    assert modes["bert.encoder.layer.1.attention.self.dropout"]


@pytest.mark.parametrize(
    ("patterns", "given", "expected"),
    [
        (["encoder.layers.0"], "'encoder.layers.0' names nothing", "did you mean 'layer'"),
        (["encoder.layer.0-2"], "'encoder.layer.2' of 'encoder.layer.0-2' names nothing", "names between the dots"),
        (["poler"], "'poler' names nothing", "did you mean 'pooler'"),
        (["layer.1-0"], "'1-0' ends before it begins", "a range such as 0-3"),
        (["bert", "classifier"], "freezes every weight", "something to train"),
    ],
)
def test_a_pattern_that_names_nothing_and_one_that_leaves_nothing_are_refused(
    bert: Path, tmp_path: Path, patterns: list[str], given: str, expected: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        apply_method(classifier(bert), Full(freeze=patterns))
    assert given in raised.value.problems[0].given
    assert expected in raised.value.problems[0].expected
    shutil.copy(bert / "config.json", tmp_path)
    with pytest.raises(RecipeError):  # and the configuration alone shows it
        require_modules(Full(freeze=patterns), tmp_path, "classes")
    require_modules(Full(freeze=["embeddings", "layer.0-1"]), tmp_path, "classes")


@pytest.mark.parametrize("family", WRITERS)
def test_the_word_embeddings_means_all_below_the_lowest_layer(tiny: Callable[[str], Path], family: str) -> None:
    model = writer(tiny(family), family)
    apply_method(model, TopLayers(layers=len(own_layers(model))))
    below = frozen(model)
    assert below
    apply_method(model, Full(freeze=["embeddings"]))
    assert frozen(model) == below
    assert {id(p) for p in below_layers(model)} == {id(p) for n, p in model.named_parameters() if n in below}


@given(low=st.integers(0, 30), more=st.integers(0, 12))
def test_a_range_is_each_of_its_numbers(low: int, more: int) -> None:
    patterns = list(spelled_out(f"layer.{low}-{low + more}.output"))
    assert patterns == [f"layer.{number}.output" for number in range(low, low + more + 1)]
    assert list(spelled_out("layer.0-1.x.2-3")) == ["layer.0.x.2", "layer.0.x.3", "layer.1.x.2", "layer.1.x.3"]


@given(st.lists(st.from_regex(r"[a-z0-9_]{1,5}", fullmatch=True), min_size=1, max_size=6), st.data())
def test_any_run_of_whole_names_names_the_weight_and_a_part_of_a_name_does_not(
    names: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(names) - 1))
    end = data.draw(st.integers(start + 1, len(names)))
    assert names_it(".".join(names[start:end]), ".".join(names))
    assert not names_it(".".join([*names[start:end], "x" * 7]), ".".join(names))
    assert not names_it(names[start] + "z" * 9, ".".join(names))


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_layers_are_unfrozen_from_the_top_down_and_the_embeddings_last(bases: Callable[[str], Path], kind: str) -> None:
    model = classifier(bases(kind))
    method = Full(unfreeze=Unfreezing(first=0))
    apply_method(model, method)
    assert not frozen(model), "the optimiser is to know every weight that is ever trained"
    for layers in (0, 1, 2):
        train_top(model, method, layers)
        reached = frozen(model)
        apply_method(model, TopLayers(layers=layers))
        assert reached == frozen(model), layers
    train_top(model, method, 3)
    assert not frozen(model)


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_what_is_frozen_by_name_stays_frozen_when_all_layers_are_trained(
    tiny: Callable[[str], Path], family: str
) -> None:
    model = writer(tiny(family), family)
    method = Full(freeze=["embeddings"], unfreeze=Unfreezing(first=1))
    apply_method(model, method)
    kept = frozen(model)
    assert kept
    for layers in (1, 2, 99):
        train_top(model, method, layers)
        assert kept <= frozen(model)
    assert frozen(model) == kept


def test_more_layers_at_the_start_than_there_are_and_a_start_without_weights_are_refused(bert: Path) -> None:
    with pytest.raises(RecipeError, match="3 layers, but the model has 2"):
        apply_method(classifier(bert), Full(unfreeze=Unfreezing(first=3)))
    with pytest.raises(RecipeError, match="5 layers"):
        require_layers(Full(unfreeze=Unfreezing(first=5)), 4)
    require_layers(Full(unfreeze=Unfreezing(first=5)), None)
    with pytest.raises(RecipeError, match="freezes every weight"):
        apply_method(classifier(bert), Full(freeze=["pooler", "classifier"], unfreeze=Unfreezing(first=0)))


def test_a_frozen_weight_does_not_move(bert: Path) -> None:
    model = classifier(bert)
    apply_method(model, Full(freeze=["embeddings", "query"]))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    ids = torch.randint(5, 60, (6, 12), generator=torch.Generator().manual_seed(1))
    torch.nn.functional.cross_entropy(model(ids).logits, torch.arange(6) % 3).backward()
    optimizer.step()
    still = {name for name, p in model.named_parameters() if torch.equal(p, before[name])}
    assert frozen(model) <= still
    assert any("embeddings" not in name and "query" not in name for name in before.keys() - still)


def test_an_architecture_that_cannot_compute_its_layers_again_is_refused(tmp_path: Path) -> None:
    AutoConfig.for_model(
        "mpnet", vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2
    ).save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match="mpnet cannot compute its layers again") as raised:
        require_recomputable(tmp_path, "classes")
    assert raised.value.problems[0].place == "train.recompute"
    AutoConfig.for_model(
        "bert", vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2
    ).save_pretrained(tmp_path)
    require_recomputable(tmp_path, "classes")
