"""Losses of texts: labelled positions alone give what all logits give, and chunks what whole logits give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody reads
import transformers
from text_room import CPU, LAYOUTS, LOSSES, assert_same, loss_and_gradients, step_for, text_model, text_rows, with_lora

from tiny_models import WIDTH
from tunewright.core.encoded import IGNORED
from tunewright.training import chunked, losses
from tunewright.training.chunked import HeadForm, chunked_cross_entropy
from tunewright.training.losses import causal_loss


@pytest.fixture
def chunks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every loss is made in chunks of five rows; the list holds the labelled rows of each."""
    made: list[int] = []
    real = chunked.chunked_cross_entropy

    def counted(hidden: Any, head: Any, targets: Any, **settings: Any) -> Any:
        made.append(len(targets))
        return real(hidden, head, targets, **settings)

    monkeypatch.setattr(losses, "chunked_cross_entropy", counted)
    monkeypatch.setattr(losses, "worth_chunks", lambda *_: True)
    monkeypatch.setattr(losses, "rows_at_once", lambda *_: 5)
    return made


def all_logits(model: Any, batch: Any, device: torch.device) -> torch.Tensor:
    """The plain way: every logit of every position, as the model gives them."""
    targets = torch.from_numpy(batch.targets)
    arguments = {"input_ids": torch.from_numpy(batch.input_ids_BT)}
    arguments["attention_mask"] = torch.from_numpy(batch.attention_mask_BT)
    if model.config.is_encoder_decoder:
        arguments["decoder_input_ids"] = model.prepare_decoder_input_ids_from_labels(labels=targets)
    logits = model(**arguments).logits.float()
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")


@pytest.mark.parametrize("family", LAYOUTS)
def test_labelled_positions_alone_give_the_loss_and_gradient_of_all_logits(family: str) -> None:
    layout, model = LAYOUTS[family], text_model(family)
    step = step_for(layout)
    assert_same(loss_and_gradients(model, step, LOSSES[layout]), loss_and_gradients(model, step, all_logits))


@pytest.mark.parametrize("family", LAYOUTS)
def test_chunks_give_the_loss_and_gradient_of_whole_logits(family: str, chunks: list[int]) -> None:
    layout, model = LAYOUTS[family], text_model(family)
    step = step_for(layout)
    found = loss_and_gradients(model, step, LOSSES[layout])
    assert chunks == [step.targets]
    assert_same(found, loss_and_gradients(model, step, all_logits))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("Cohere", {"logit_scale": 0.3}),
        ("Granite", {"logits_scaling": 3.0}),
        ("Gemma2", {"final_logit_softcapping": 1.5, "query_pre_attn_scalar": 8}),
    ],
)
def test_scales_and_soft_caps_behind_the_head_are_in_the_chunks(name: str, changes: Any, chunks: list[int]) -> None:
    kind = getattr(transformers, f"{name}ForCausalLM")
    torch.manual_seed(5)
    model = kind(kind.config_class(**{**WIDTH, **changes})).train()
    step = step_for("causal")
    found = loss_and_gradients(model, step, causal_loss)
    assert chunks
    assert_same(found, loss_and_gradients(model, step, all_logits))


def test_a_model_whose_logits_are_no_formula_of_its_head_gets_whole_logits(chunks: list[int]) -> None:
    model = text_model("llama")
    forward = model.forward

    def altered(**arguments: Any) -> Any:
        output = forward(**arguments)
        output.logits = output.logits + 0.5 * output.logits.sin()
        return output

    model.forward = altered
    step = step_for("causal")
    found = loss_and_gradients(model, step, causal_loss)
    assert not chunks
    assert_same(found, loss_and_gradients(model, step, all_logits))


def test_an_adapted_head_gets_whole_logits_and_a_frozen_one_chunks_without_a_gradient(chunks: list[int]) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415  # 2 s that few tests need

    step = step_for("causal")
    adapted = get_peft_model(text_model("qwen2"), LoraConfig(r=2, target_modules=["lm_head", "q_proj"]))
    found = loss_and_gradients(adapted, step, causal_loss)
    assert not chunks
    assert_same(found, loss_and_gradients(adapted, step, all_logits))
    tuned = with_lora(text_model("qwen2"))
    found = loss_and_gradients(tuned, step, causal_loss)
    assert chunks
    assert all("lora" in name for name in found[1])
    assert_same(found, loss_and_gradients(tuned, step, all_logits))


def test_chunks_never_hold_more_logits_than_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = HeadForm.logits
    monkeypatch.setattr(HeadForm, "logits", lambda form, hidden: seen.append(len(hidden)) or real(form, hidden))
    hidden, weight = torch.randn(23, 4, requires_grad=True), torch.randn(11, 4, requires_grad=True)
    chunked_cross_entropy(hidden, HeadForm(weight, None), torch.arange(23) % 11, chunk=7).backward()
    assert seen == [7, 7, 7, 2]


def test_without_gradients_chunks_make_none_and_give_the_same_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, weight = torch.randn(9, 4, requires_grad=True), torch.randn(11, 4, requires_grad=True)
    expected = chunked_cross_entropy(hidden, HeadForm(weight, None), torch.arange(9), chunk=4)

    def spread(*_: Any) -> None:
        raise AssertionError("a gradient was made for nobody")

    monkeypatch.setattr("tunewright.training.chunked._Sums._spread", spread)
    with torch.no_grad():
        found = chunked_cross_entropy(hidden, HeadForm(weight, None), torch.arange(9), chunk=4)
    assert found.item() == expected.item()


@pytest.mark.parametrize("bf16", [False, True])
def test_chunks_of_a_head_with_bias_scale_and_cap_equal_autograd(bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In fp32 to 1e-5; under bf16 autocast to bf16's own rounding, for products are of that type then."""
    torch.manual_seed(1)
    kinds = set()
    real = HeadForm.logits
    monkeypatch.setattr(HeadForm, "logits", lambda head, hidden: kinds.add(hidden.dtype) or real(head, hidden))
    tensors = [torch.randn(23, 16), torch.randn(40, 16) * 0.3, torch.randn(40)]
    targets = torch.randint(40, (23,))
    gradients = []
    for chunk in (None, 6):
        hidden, weight, bias = leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        head = HeadForm(weight, bias, scale=0.7, cap=2.0)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            if chunk is None:
                loss = F.cross_entropy(head.logits(hidden), targets, reduction="sum")
            else:
                kinds.clear()
                loss = chunked_cross_entropy(hidden, head, targets, chunk=chunk)
        (0.3 * loss).backward()
        gradients.append([loss.detach(), *(leaf.grad for leaf in leaves)])
    assert kinds == {torch.bfloat16 if bf16 else torch.float32}
    tolerance = {"rtol": 2e-2, "atol": 2e-2} if bf16 else {"rtol": 1e-5, "atol": 1e-6}
    for whole, parts in zip(*gradients, strict=True):
        torch.testing.assert_close(parts, whole, **tolerance)


@pytest.mark.parametrize("family", ["llama", "mbart", "bert"])
def test_a_pass_without_a_target_has_no_loss_and_a_zero_gradient_for_every_weight(family: str) -> None:
    layout, model = LAYOUTS[family], text_model(family)
    (batch,) = step_for(layout, text_rows(layout)).batches
    batch.targets[:] = IGNORED
    loss = LOSSES[layout](model, batch, CPU)
    loss.backward()
    assert loss.item() == 0.0
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5", "bart", "bert"])
@pytest.mark.parametrize("tokens", [20, 45])
def test_uneven_passes_give_the_step_of_a_single_one(family: str, tokens: int) -> None:
    layout, model = LAYOUTS[family], text_model(family)
    whole, cut = step_for(layout), step_for(layout, tokens=tokens)
    assert len(whole.batches) < len(cut.batches)
    assert cut.targets == whole.targets
    one, other = (loss_and_gradients(model, step, LOSSES[layout]) for step in (cut, whole))
    assert_same(one, other)
