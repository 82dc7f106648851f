"""NEFTune's noise: its size, whom it reaches, and that it follows from the step alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from text_room import CPU, LAYOUTS, LOSSES, plan_for, step_for, text_model, text_rows, with_lora
from training_room import gradients_of, state_of, step_of, tiny_bert, token_rows

from tunewright.data.loader import load_steps
from tunewright.recipe.train import TrainSpec
from tunewright.training import losses
from tunewright.training.losses import classification_loss
from tunewright.training.noise import noised, noisy, row_lengths
from tunewright.training.objective import training_loss
from tunewright.training.packing import without_dropout
from tunewright.training.step import gradients

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11])


def embedded(model: Any, ids: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.get_input_embeddings()(torch.from_numpy(ids))


def test_noise_is_uniform_within_alpha_over_the_root_of_a_rows_tokens_times_the_width() -> None:
    model, (batch,) = tiny_bert(), step_of(ROWS, batch_size=4, micro_batch_tokens=10**6).batches[:1]
    torch.manual_seed(1)
    with noised(model, batch, 5.0):
        noise = embedded(model, batch.input_ids_BT) - embedded(model, batch.input_ids_BT)
    lengths = batch.attention_mask_BT.sum(axis=1)
    assert len(set(lengths.tolist())) > 1
    for row, length in enumerate(lengths.tolist()):
        bound = 5.0 / (length * 16) ** 0.5
        size = noise[row, :length].abs()
        assert 0.9 * bound < float(size.max()) <= bound + 1e-6
        assert float(size.mean()) == pytest.approx(bound / 2, rel=0.2)


def test_packed_rows_have_the_noise_of_their_own_length() -> None:
    rows = text_rows("causal")
    step = next(load_steps(rows, plan_for("causal", tokens=40, packing=True), after=0))
    for batch in step.batches:
        lengths = row_lengths(batch)
        known = {int(rows.lengths_N[rows.row_ids.index(name)]) for name in batch.row_ids}
        begins = [np.flatnonzero(row == 0) for row in batch.position_ids_BT]
        found = {int(lengths[at, place]) for at, places in enumerate(begins) for place in places}
        assert known <= found
        assert lengths.shape == batch.input_ids_BT.shape


def test_noise_follows_from_seed_step_and_pass_and_nothing_else() -> None:
    loss = noisy(classification_loss, 5.0)
    found = []
    for disturbance in range(2):
        torch.manual_seed(disturbance)
        torch.rand(disturbance + 1)
        state = state_of(tiny_bert())
        gradients(state, step_of(ROWS, batch_size=8, micro_batch_tokens=40), loss)
        found.append(gradients_of(state.bare_model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    other = state_of(tiny_bert(), seed=8)
    gradients(other, step_of(ROWS, batch_size=8, micro_batch_tokens=40), loss)
    assert any(not torch.equal(found[0][name], value) for name, value in gradients_of(other.bare_model).items())


def test_each_step_and_pass_has_noise_of_its_own() -> None:
    state, loss = state_of(tiny_bert()), noisy(classification_loss, 5.0)
    step = step_of(ROWS, batch_size=8, micro_batch_tokens=10**6)
    (batch, *_) = step.batches
    twice = replace(step, batches=(batch, batch))
    sums = gradients(state, twice, loss)
    later = gradients(state, replace(twice, step=2), loss)
    assert len({float(value) for value in (*sums, *later)}) == 4


@pytest.mark.parametrize("family", LAYOUTS)
def test_noise_reaches_every_family_and_leaves_the_model_as_it_was(family: str) -> None:
    layout, model = LAYOUTS[family], text_model(family)
    (batch,) = step_for(layout).batches
    with torch.no_grad(), without_dropout(model):
        plain = float(LOSSES[layout](model, batch, CPU))
        torch.manual_seed(1)
        assert float(noisy(LOSSES[layout], 5.0)(model, batch, CPU)) != plain
        assert float(LOSSES[layout](model, batch, CPU)) == plain


@pytest.mark.parametrize("family", ["t5", "bart", "marian"])
def test_of_an_encoder_with_a_decoder_the_encoder_alone_has_noise(family: str) -> None:
    model, (batch,) = text_model(family), step_for("seq2seq").batches
    both = {"encoder": model.get_encoder(), "decoder": model.get_decoder()}
    plain = {side: embedded(part, batch.input_ids_BT) for side, part in both.items()}
    with noised(model, batch, 5.0):
        found = {side: embedded(part, batch.input_ids_BT) for side, part in both.items()}
    assert not torch.equal(found["encoder"], plain["encoder"])
    assert torch.equal(found["decoder"], plain["decoder"])


def test_adapters_and_chunks_have_noise_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "worth_chunks", lambda *_: True)
    model, (batch,) = with_lora(text_model("llama")), step_for("causal").batches
    loss = training_loss(LOSSES["causal"], TrainSpec(neftune=5.0))
    torch.manual_seed(1)
    one = float(loss(model, batch, CPU))
    torch.manual_seed(2)
    assert float(loss(model, batch, CPU)) != one


def test_a_batch_of_one_row_has_its_noise_also_where_its_head_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed training probes anew, so that a probe that took the noise would part it from an unbroken one."""
    monkeypatch.setattr(losses, "worth_chunks", lambda *_: True)
    model, (batch, *_) = text_model("llama"), step_for("causal", batch_size=1).batches
    loss = noisy(LOSSES["causal"], 5.0)
    found = []
    for _ in ("probed", "known"):
        torch.manual_seed(1)
        found.append(float(loss(model, batch, CPU)))
    assert found[0] == found[1]
    assert found[0] != float(LOSSES["causal"](model, batch, CPU))
