"""Packed rows stay blind to each other, and a model in which they do not is found out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from text_room import CPU, assert_same, loss_and_gradients, step_for, text_model, with_lora

from tiny_models import CAUSAL, VOCABULARY
from tunewright.core.errors import RecipeError
from tunewright.recipe.train import TrainSpec
from tunewright.training import settings
from tunewright.training.losses import causal_loss
from tunewright.training.packing import packing_fault
from tunewright.training.settings import decide_packing, pass_tokens


def fault(model: Any) -> str | None:
    return packing_fault(model, vocabulary=VOCABULARY, device=CPU)


def deaf_to_positions(model: Any) -> Any:
    """The model as one that uses positions and lets packed rows see those before them: it is handed a mask of ones."""
    forward = model.forward

    def leaking(input_ids: Any, position_ids: Any = None, attention_mask: Any = None, **others: Any) -> Any:
        return forward(input_ids, position_ids=position_ids, attention_mask=torch.ones_like(input_ids), **others)

    model.forward = leaking
    return model


@pytest.mark.parametrize("attention", [{}, {"attn_implementation": "eager"}], ids=["own", "eager"])
@pytest.mark.parametrize("family", CAUSAL)
def test_causal_families_pack_exactly(family: str, attention: dict[str, str]) -> None:
    assert fault(text_model(family, **attention)) is None


@pytest.mark.parametrize("spread", [0.15, 0.02, 0.002])
def test_a_leak_is_found_even_where_context_hardly_matters(spread: float) -> None:
    assert fault(text_model("llama", initializer_range=spread)) is None
    found = fault(deaf_to_positions(text_model("llama", initializer_range=spread)))
    assert found is not None
    assert "differ by" in found


@pytest.mark.parametrize("scale", [1e-6, 0.0])
def test_a_leak_below_the_tolerance_does_not_pass_for_exactness(scale: float) -> None:
    model = text_model("llama")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight *= scale
    assert "cannot tell" in (fault(deaf_to_positions(model)) or "")


def test_adapters_pack_as_their_base_does() -> None:
    assert fault(with_lora(text_model("qwen2"), dropout=0.5)) is None


@pytest.mark.parametrize(
    ("family", "words"),
    [("bert", "see each other"), ("t5", "encoder with a decoder"), ("bart", "encoder with a decoder")],
)
def test_encoders_and_text_to_text_models_are_refused(family: str, words: str) -> None:
    assert words in (fault(text_model(family)) or "")


def test_the_test_leaves_dropout_modes_and_random_numbers_as_they_were() -> None:
    model = text_model("gpt2", attn_pdrop=0.3, resid_pdrop=0.2)
    model.transformer.h[0].eval()
    model.transformer.drop.p = 0.25
    before = [(module.training, getattr(module, "p", None)) for module in model.modules()]
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    assert fault(model) is None
    assert torch.equal(torch.rand(2), expected)
    assert [(module.training, getattr(module, "p", None)) for module in model.modules()] == before


@pytest.mark.parametrize("family", ["gpt2", "llama", "mistral", "qwen2", "gemma2", "phi3"])
def test_a_packed_step_has_the_loss_and_gradient_of_an_unpacked_one(family: str) -> None:
    model = text_model(family)
    packed, plain = step_for("causal", packing=True, tokens=40), step_for("causal")
    assert any(batch.position_ids_BT is not None for batch in packed.batches)
    assert len({row for batch in packed.batches for row in batch.row_ids}) == len(plain.batches[0].row_ids)
    one, other = (loss_and_gradients(model, step, causal_loss) for step in (packed, plain))
    assert_same(one, other)


def test_packing_is_decided_by_recipe_device_and_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> str | None:
        raise AssertionError("the model was tried for nothing")

    auto, yes, no = (TrainSpec(packing=value) for value in ("auto", True, False))
    assert decide_packing(no, "causal", "cpu", never) is False
    assert decide_packing(auto, "causal", "cpu", never) is False
    assert decide_packing(auto, "classes", "cuda", never) is False
    assert decide_packing(yes, "causal", "cpu", lambda: None) is True
    with pytest.raises(RecipeError, match=r"train\.packing: true, but they differ by 0\.3"):
        decide_packing(yes, "causal", "cpu", lambda: "they differ by 0.3")
    with pytest.raises(RecipeError, match="layout 'classes' do not pack"):
        decide_packing(yes, "classes", "cpu", never)
    monkeypatch.setattr(settings, "PACKS", frozenset({"cuda"}))
    assert decide_packing(auto, "causal", "cuda", lambda: None) is True
    assert decide_packing(auto, "causal", "cuda", lambda: "leaks") is False


def test_a_large_vocabulary_makes_the_passes_smaller_and_classes_never_do() -> None:
    assert pass_tokens("cpu", None) == pass_tokens("cpu", 8_192) == settings.MICRO_BATCH_TOKENS["cpu"]
    assert pass_tokens("cpu", 10**6) == settings.LEAST_TOKENS
    assert settings.LEAST_TOKENS < pass_tokens("cpu", 65_536) < settings.MICRO_BATCH_TOKENS["cpu"]
