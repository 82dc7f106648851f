"""The frozen bottom computed once: losses are those without it, and its file is what it says or is made anew."""

from __future__ import annotations

import errno
import os
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers
from text_room import text_model, text_rows
from training_room import same_bits, snapshot, tiny_bert, token_rows

from tiny_models import PAD
from tiny_room import ENCODERS, WORDS
from tunewright.core.errors import RunError
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.models.freeze import apply_method, train_mode
from tunewright.models.prefix import frozen_layers, passed_over
from tunewright.recipe.train import AdamW, Full, Lora, TopLayers, TrainSpec
from tunewright.training import losses as training_losses
from tunewright.training.engine import start
from tunewright.training.losses import causal_loss, classification_loss
from tunewright.training.prefix_cache import TOLERANCE, bytes_needed, open_cache, same_twice, with_cache
from tunewright.training.step import optimizer_step

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.training.prefix_cache import PrefixCache
    from tunewright.training.step import TrainState

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11, 3, 21, 4, 17, 9])
PLAN = LoadPlan(4, 64, seed=7, pad_id=0)
ROOM = 10**9
CLASSIFIERS = ("bert", "distilbert", "roberta", "electra", "modernbert")
WRITERS = ("gpt2", "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "phi3")
STEPS = 6


def classifier(kind: str, dropout: float = 0.1) -> Any:
    name, sizes = ENCODERS[kind]
    config = getattr(transformers, name)(**{"vocab_size": len(WORDS), **sizes, "num_labels": 3})
    for field in config.to_dict():
        if "dropout" in field and isinstance(getattr(config, field), float):
            setattr(config, field, dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return transformers.AutoModelForSequenceClassification.from_config(config)


def frozen_state(model: Any, *, layers: int = 1, bf16: bool = False) -> TrainState:
    spec = TrainSpec(method=TopLayers(layers=layers), optimizer=AdamW(lr=1e-3))
    model = apply_method(model, spec.method)
    train_mode(model)
    return start(model, spec, lr=1e-3, bf16=bf16, seed=7, cpu=True)


def opened(state: TrainState, folder: Path, rows: Any = ROWS, loss: Any = classification_loss, **more: Any) -> Any:
    return open_cache(state, rows, loss, folder=folder, **{"pad_id": 0, "most_bytes": ROOM, **more})


def losses(state: TrainState, rows: Any, plan: LoadPlan, loss: Any) -> list[float]:
    """Of a few steps of training, over more than one epoch."""
    steps = islice(load_steps(rows, plan, after=0), STEPS)
    return [optimizer_step(state, batches, loss, lr=3e-3, max_norm=1.0).loss for batches in steps]


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_losses_of_classifiers_are_those_without_the_cache(tmp_path: Path, kind: str, bf16: bool) -> None:
    plain = losses(frozen_state(classifier(kind), bf16=bf16), ROWS, PLAN, classification_loss)
    state = frozen_state(classifier(kind), bf16=bf16)
    cached = losses(state, ROWS, PLAN, with_cache(classification_loss, opened(state, tmp_path)))
    assert cached == pytest.approx(plain, rel=TOLERANCE[torch.bfloat16 if bf16 else torch.float32])
    assert len(set(plain)) == STEPS


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("family", WRITERS)
def test_losses_of_writers_are_those_without_the_cache(tmp_path: Path, family: str, bf16: bool) -> None:
    rows = text_rows("causal")
    plan = LoadPlan(4, 64, seed=7, pad_id=PAD, layout="causal")
    plain = losses(frozen_state(text_model(family), bf16=bf16), rows, plan, causal_loss)
    state = frozen_state(text_model(family), bf16=bf16)
    cache = opened(state, tmp_path, rows, causal_loss, pad_id=PAD)
    cached = losses(state, rows, plan, with_cache(causal_loss, cache))
    assert cached == pytest.approx(plain, rel=TOLERANCE[torch.bfloat16 if bf16 else torch.float32])


@pytest.mark.parametrize("filled", [True, False], ids=["by the pass that fills it", "by the first step"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_a_head_whose_formula_is_probed_beside_the_cache_gives_the_same_losses(
    tmp_path: Path, family: str, filled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pass whose logits are made in chunks probes one row: neither what fills the cache nor what reads it
    may take that for its batch.
    """
    rows = text_rows("causal")
    plan = LoadPlan(4, 64, seed=7, pad_id=PAD, layout="causal")
    plain = losses(frozen_state(text_model(family)), rows, plan, causal_loss)
    state = frozen_state(text_model(family))
    monkeypatch.setattr(training_losses, "worth_chunks", lambda *_: filled)
    cache = opened(state, tmp_path, rows, causal_loss, pad_id=PAD)
    monkeypatch.setattr(training_losses, "worth_chunks", lambda *_: True)
    chunked = losses(state, rows, plan, with_cache(causal_loss, cache))
    assert chunked == pytest.approx(plain, rel=TOLERANCE[torch.float32])


def test_dropout_in_front_of_frozen_layers_rests_too(tmp_path: Path) -> None:
    """GPT-2 has one between its embeddings and its layers that is no part of either."""
    rows = text_rows("causal")
    plan = LoadPlan(4, 64, seed=7, pad_id=PAD, layout="causal")

    def dropping() -> TrainState:
        model = text_model("gpt2")
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.3
        return frozen_state(model)

    plain = losses(dropping(), rows, plan, causal_loss)
    state = dropping()
    cache = opened(state, tmp_path, rows, causal_loss, pad_id=PAD)
    assert losses(state, rows, plan, with_cache(causal_loss, cache)) == pytest.approx(plain, rel=1e-5)
    whole = text_model("gpt2")
    train_mode(apply_method(whole, Full()))
    assert whole.transformer.drop.training, "of a model that is tuned whole it drops as ever"


def test_frozen_layers_are_not_computed_and_their_file_is_reused(tmp_path: Path) -> None:
    state = frozen_state(tiny_bert())
    calls: list[int] = []
    state.bare_model.bert.encoder.layer[0].attention.register_forward_hook(lambda *_: calls.append(1))
    first = opened(state, tmp_path)
    assert not first.reused
    assert calls
    (path,) = tmp_path.glob("*.bin")
    assert path.stat().st_size == bytes_needed(ROWS, 16, bf16=False) == int(ROWS.lengths_N.sum()) * 16 * 4
    before = path.stat().st_ino
    calls.clear()
    losses(state, ROWS, PLAN, with_cache(classification_loss, first))
    assert not calls
    again = opened(frozen_state(tiny_bert()), tmp_path)
    assert again.reused
    assert path.stat().st_ino == before
    assert np.array_equal(again.states_SD, first.states_SD)


def test_trained_weights_are_the_same_whether_the_file_was_there_or_not(tmp_path: Path) -> None:
    ends = []
    for _ in range(2):
        state = frozen_state(tiny_bert(dropout=0.1))
        losses(state, ROWS, PLAN, with_cache(classification_loss, opened(state, tmp_path)))
        ends.append(snapshot(state))
    assert same_bits(*ends)


def test_the_model_is_as_it_was_once_the_cache_is_out_of_use(tmp_path: Path) -> None:
    state = frozen_state(tiny_bert())
    model = state.bare_model
    ids = torch.from_numpy(ROWS.ids(4).astype(np.int64))[None]
    model.eval()
    before = model(ids).logits
    cache: PrefixCache = opened(state, tmp_path)
    assert model.bert.encoder.layer[1].training, "trained modules are back in train mode"
    assert not model.bert.encoder.layer[0].training
    model.eval()
    with passed_over(cache.layers, torch.zeros(1, 30, 16)):
        assert not torch.equal(model(ids).logits, before)
    assert torch.equal(model(ids).logits, before)


def test_other_weights_rows_layers_and_types_have_files_of_their_own(tmp_path: Path) -> None:
    opened(frozen_state(tiny_bert()), tmp_path)
    other = tiny_bert()
    with torch.no_grad():
        other.bert.encoder.layer[0].output.dense.bias[0] += 1e-6
    opened(frozen_state(other), tmp_path)
    opened(frozen_state(tiny_bert()), tmp_path, token_rows([5, 9], key="others"))
    opened(frozen_state(tiny_bert(), layers=0), tmp_path)
    opened(frozen_state(tiny_bert(), bf16=True), tmp_path)
    assert len(list(tmp_path.glob("*.bin"))) == 5
    above = tiny_bert()
    with torch.no_grad():
        above.bert.encoder.layer[1].output.dense.bias[0] += 1.0  # is trained, and no part of what is cached
    assert opened(frozen_state(above), tmp_path).reused


@pytest.mark.parametrize("damage", ["flip", "cut", "no hash"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: str) -> None:
    opened(frozen_state(tiny_bert()), tmp_path)
    (path,) = tmp_path.glob("*.bin")
    whole = path.read_bytes()
    if damage == "no hash":
        path.with_suffix(".json").unlink()
    else:
        path.write_bytes(whole[:-64] if damage == "cut" else whole[:50] + bytes([whole[50] ^ 4]) + whole[51:])
    assert not opened(frozen_state(tiny_bert()), tmp_path).reused
    assert path.read_bytes() == whole


def test_older_files_leave_when_the_room_is_used_up(tmp_path: Path) -> None:
    first, second = token_rows([5, 9], key="first"), token_rows([8, 9], key="second")
    size = bytes_needed(first, 16, bf16=False) + bytes_needed(second, 16, bf16=False)
    opened(frozen_state(tiny_bert()), tmp_path, first, most_bytes=size)
    (oldest,) = tmp_path.glob("*.bin")
    os.utime(oldest, (1, 1))
    opened(frozen_state(tiny_bert()), tmp_path, second, most_bytes=size)
    assert len(list(tmp_path.glob("*.bin"))) == 2
    opened(frozen_state(tiny_bert()), tmp_path, token_rows([5, 8], key="third"), most_bytes=size)
    assert len(list(tmp_path.glob("*.bin"))) == 2
    assert not oldest.exists()
    assert not oldest.with_suffix(".json").exists()


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="no space left"):
        opened(frozen_state(tiny_bert()), tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def test_losses_that_differ_are_refused_at_the_start(tmp_path: Path) -> None:
    """A layer whose output is not all that the next one needs: here, one that leaves a note for it."""
    model = tiny_bert()
    notes: list[torch.Tensor] = []
    below, above = model.bert.encoder.layer
    below.attention.register_forward_hook(
        lambda _m, _a, out: notes.__setitem__(slice(None), [out[0].mean(1, keepdim=True)])
    )
    above.register_forward_pre_hook(lambda _m, given: (given[0] + (notes.pop() if notes else 0.0), *given[1:]))
    with pytest.raises(RunError, match=r"train\.prefix_cache: the loss of 8 rows"):
        opened(frozen_state(model), tmp_path)


def test_noise_below_the_frozen_layers_is_noticed() -> None:
    def noisy(model: Any, batch: Any, device: torch.device) -> torch.Tensor:
        def add(_module: Any, _given: Any, found: torch.Tensor) -> torch.Tensor:
            return found + torch.empty_like(found).uniform_(-1e-3, 1e-3)

        hook = model.get_input_embeddings().register_forward_hook(add)
        try:
            return classification_loss(model, batch, device)
        finally:
            hook.remove()

    state = frozen_state(tiny_bert(dropout=0.5))
    before = torch.get_rng_state()
    assert same_twice(state, ROWS, classification_loss, pad_id=0), "frozen layers drop nothing out"
    assert not same_twice(state, ROWS, noisy, pad_id=0)
    assert torch.equal(torch.get_rng_state(), before)
    state.bare_model.bert.encoder.layer[0].train()
    assert not same_twice(state, ROWS, classification_loss, pad_id=0)


def test_only_layers_with_all_below_them_frozen_are_a_prefix() -> None:
    model = tiny_bert()
    layers = list(model.bert.encoder.layer)
    for method, expected in (
        (TopLayers(layers=1), layers[:1]),
        (TopLayers(layers=0), layers),
        (TopLayers(layers=2), []),
        (Full(), []),
        (Full(freeze=["embeddings"]), []),
        (Full(freeze=["encoder.layer.0"]), []),
        (Full(freeze=["embeddings", "encoder.layer.0"]), layers[:1]),
        (Full(freeze=["embeddings", "encoder.layer.1"]), []),
    ):
        apply_method(model, method)
        assert frozen_layers(model) == expected, method
    assert frozen_layers(apply_method(tiny_bert(), Lora(rank=2))) == []


def test_a_tied_head_of_frozen_embeddings_is_frozen_with_them(tmp_path: Path) -> None:
    model = text_model("llama")
    state = frozen_state(model)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert not model.lm_head.weight.requires_grad
    assert opened(state, tmp_path, text_rows("causal"), causal_loss, pad_id=PAD).layers == (model.model.layers[0],)
