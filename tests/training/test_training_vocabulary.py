"""Embeddings that no row looks up, left out of the steps: the same weights come out as with all of them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from text_room import text_model
from training_room import VOCABULARY, state_of, step_of, tiny_bert, token_rows

from tunewright.recipe.optimizer import AdamW, Lion
from tunewright.recipe.regularise import Ema, Penalties
from tunewright.recipe.train import Full, TrainSpec, Unfreezing
from tunewright.training.averaging import evaluated_weights
from tunewright.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from tunewright.training.losses import classification_loss
from tunewright.training.step import optimizer_step
from tunewright.training.vocabulary import CompactEmbedding, compact_vocabulary, whole_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

ROWS = token_rows([5, 9, 4, 7])
ROWS.flat_ids[6] = 0  # a text that spells the padding token, whose embedding is never trained
SEEN = np.unique(np.append(ROWS.flat_ids, 0))
SPEC = TrainSpec(optimizer=AdamW(lr=1e-2, weight_decay=0.3))
PLAIN: dict[str, TrainSpec] = {
    "plain": SPEC,
    "averaged": SPEC.model_copy(update={"ema": Ema(decay=0.7)}),
    "rates by layer": SPEC.model_copy(update={"method": Full(layer_decay=0.8)}),
    "thawed late": SPEC.model_copy(update={"method": Full(unfreeze=Unfreezing(every=1))}),
}


def trained(spec: TrainSpec, *, compact: bool, steps: int = 4) -> Any:
    """The model after some steps, with the weights that are evaluated, and whole."""
    model = tiny_bert()
    assert not compact or compact_vocabulary(model, spec, SEEN) is not None
    state = state_of(model, spec, total_steps=steps)
    moved(state, steps)
    with evaluated_weights(state):
        whole_vocabulary(state.bare_model)
        return {name: value.clone() for name, value in state.bare_model.state_dict().items()}


def moved(state: Any, steps: int, *, after: int = 0) -> None:
    for number in range(after, steps):
        step = step_of(ROWS, batch_size=2, micro_batch_tokens=64, after=number)
        optimizer_step(state, step, classification_loss, lr=1e-2 / (1 + number), max_norm=1.0)


@pytest.mark.parametrize("kind", PLAIN)
def test_all_weights_are_those_of_a_training_with_the_whole_table(kind: str) -> None:
    """To 1e-5 in fp32, and those of tokens that no row has as well: they decayed, and are not what they were."""
    compact, whole = trained(PLAIN[kind], compact=True), trained(PLAIN[kind], compact=False)
    assert compact.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close(compact[name], value, rtol=1e-5, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}")
    table = "bert.embeddings.word_embeddings.weight"
    unseen = np.setdiff1d(np.arange(VOCABULARY), SEEN)
    before = tiny_bert().state_dict()[table][unseen]
    changed = not torch.allclose(compact[table][unseen], before, rtol=1e-4)
    assert changed == (kind != "thawed late" or not torch.equal(whole[table][unseen], before))


def test_a_checkpoint_resumes_to_the_same_bits(tmp_path: Path) -> None:
    def fresh() -> Any:
        model = tiny_bert(dropout=0.1)
        compact_vocabulary(model, SPEC, SEEN)
        return state_of(model, SPEC)

    unbroken, broken, resumed = fresh(), fresh(), fresh()
    moved(unbroken, 4)
    moved(broken, 2)
    progress = Progress(2, 1.0, "key", 0)
    load_checkpoint(resumed, save_checkpoint(broken, progress, tmp_path), progress)
    moved(resumed, 4, after=2)
    for state in (unbroken, resumed):
        whole_vocabulary(state.bare_model)
    ours, theirs = unbroken.bare_model.state_dict(), resumed.bare_model.state_dict()
    assert all(ours[name].numpy().tobytes() == theirs[name].numpy().tobytes() for name in ours)


def test_a_token_that_was_not_seen_is_an_error_and_never_another_tokens_embedding() -> None:
    model = tiny_bert()
    compact_vocabulary(model, SPEC, SEEN)
    unseen = int(np.setdiff1d(np.arange(VOCABULARY), SEEN)[0])
    with pytest.raises(IndexError):
        model(torch.tensor([[unseen]]))


def test_what_is_looked_up_is_the_same() -> None:
    model, whole = tiny_bert().eval(), tiny_bert().eval()
    compact = compact_vocabulary(model, SPEC, SEEN)
    assert isinstance(compact, CompactEmbedding)
    assert compact.weight.shape == (len(SEEN) + 1, 16)
    ids = torch.from_numpy(SEEN.astype(np.int64))[None]
    assert torch.equal(model(ids).logits, whole(ids).logits)


@pytest.mark.parametrize(
    ("model", "spec", "seen"),
    [
        (tiny_bert, SPEC.model_copy(update={"penalties": Penalties(l2=0.1)}), SEEN),
        (tiny_bert, TrainSpec(optimizer=Lion(lr=1e-3)), SEEN),
        (tiny_bert, SPEC, np.arange(VOCABULARY)),
        (lambda: text_model("qwen2"), SPEC, SEEN),
        (lambda: text_model("gpt2"), SPEC, SEEN),
        (lambda: frozen(tiny_bert()), SPEC, SEEN),
        (lambda: read_twice(tiny_bert()), SPEC, SEEN),
        (lambda: looking_up(max_norm=1.0), SPEC, SEEN),
        (lambda: looking_up(scale_grad_by_freq=True), SPEC, SEEN),
        (lambda: looking_up(sparse=True), SPEC, SEEN),
    ],
    ids=[
        *("a penalty", "another optimiser", "most are seen", "a head over tokens", "a tied head", "a frozen table"),
        *("another reader", "norms cut at look-up", "gradients by frequency", "sparse gradients"),
    ],
)
def test_where_it_would_not_be_exact_or_not_worth_it_nothing_changes(model: Any, spec: TrainSpec, seen: Any) -> None:
    built = model()
    table = built.get_input_embeddings()
    assert compact_vocabulary(built, spec, seen) is None
    assert built.get_input_embeddings() is table
    whole_vocabulary(built)
    assert built.get_input_embeddings() is table


def frozen(model: Any) -> Any:
    model.get_input_embeddings().requires_grad_(False)
    return model


def read_twice(model: Any) -> Any:
    """A model that tells tokens by the table that it looks them up in, and has no head over tokens by name."""
    model.tells = torch.nn.Linear(16, VOCABULARY, bias=False)
    model.tells.weight = model.get_input_embeddings().weight
    return model


def looking_up(**how: Any) -> Any:
    model = tiny_bert()
    model.set_input_embeddings(torch.nn.Embedding(VOCABULARY, 16, padding_idx=0, **how))
    return model
