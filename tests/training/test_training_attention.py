"""Attention by plain products equals torch's fused one, with its gradients, on every family that has that one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from text_room import LAYOUTS, LOSSES, assert_same, loss_and_gradients, step_for, text_model
from torch import Tensor, nn
from training_room import state_of, tiny_bert
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from tunewright.training.attention import FUSED, LARGEST, NAME, attend, attend_plainly

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
B, H, T, D = 2, 4, 6, 8


class Asking(nn.Module):
    """What an attention function is told of its module."""

    def __init__(self, *, groups: int = 1, causal: bool = False) -> None:
        super().__init__()
        self.num_key_value_groups, self.is_causal = groups, causal


def drawn(heads: int = H) -> Tensor:
    return torch.randn(B, heads, T, D).requires_grad_()


def taken(function: Any, module: nn.Module, parts: list[Tensor], **more: Any) -> list[Tensor]:
    """The output, and the gradients of a sum that tells all of its numbers apart."""
    for part in parts:
        part.grad = None
    out, _ = function(module, *parts, **more)
    (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
    return [out.detach(), *(part.grad.clone() for part in parts if part.grad is not None)]


PADDED = torch.ones(B, 1, T, T, dtype=torch.bool)
PADDED[0, :, :, T - 2 :] = False
BLOCKS = torch.ones(T, T, dtype=torch.bool).tril()[None, None].repeat(B, 1, 1, 1)
BLOCKS[:, :, 3:, :3] = False
ADDED = torch.zeros(B, 1, T, T).masked_fill(~PADDED, torch.finfo(torch.float32).min)
CASES: dict[str, tuple[Asking, int, Tensor | None, dict[str, Any]]] = {
    "all see all": (Asking(), H, None, {}),
    "causal": (Asking(causal=True), H, None, {}),
    "causal, said in the call": (Asking(), H, None, {"is_causal": True}),
    "padded": (Asking(), H, PADDED, {}),
    "packed": (Asking(causal=True), H, BLOCKS, {}),
    "a mask of numbers": (Asking(), H, ADDED, {}),
    "a scale": (Asking(), H, PADDED, {"scaling": 0.7}),
    "shared keys": (Asking(groups=2, causal=True), H // 2, None, {}),
    "a bias by position": (Asking(), H, PADDED, {"position_bias": torch.randn(1, H, T, T)}),
    "a causal bias by position": (Asking(causal=True), H, None, {"position_bias": torch.randn(1, H, T, T)}),
}


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_those_of_the_fused_kernel(case: str) -> None:
    torch.manual_seed(8)
    module, heads, mask, more = CASES[case]
    parts = [drawn(), drawn(heads), drawn(heads)]
    ours = taken(attend, module, parts, attention_mask=mask, **more)
    theirs = taken(sdpa_attention_forward, module, parts, attention_mask=mask, **more)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def test_a_token_that_may_look_at_none_takes_finite_numbers() -> None:
    mask = PADDED.clone()
    mask[1, :, 0] = False
    parts = [drawn(), drawn(), drawn()]
    assert all(part.isfinite().all() for part in taken(attend, Asking(), parts, attention_mask=mask))


def test_scores_with_a_soft_cap_are_refused_as_by_the_fused_attention() -> None:
    with pytest.raises(ValueError, match="softcap"):
        attend(Asking(), *(drawn() for _ in range(3)), attention_mask=None, softcap=30.0)


def test_dropout_keeps_the_mean() -> None:
    """Of 2,000 draws the mean output is the one without, to 0.06; were nothing grown, it would be 0.5 off."""
    torch.manual_seed(9)
    parts = [drawn().detach() for _ in range(3)]
    many = [part[:1].expand(2000, H, T, D) for part in parts]
    dropped, _ = attend(Asking(), *many, attention_mask=None, dropout=0.3)
    whole, _ = attend(Asking(), *(part[:1] for part in parts), attention_mask=None)
    torch.testing.assert_close(dropped.mean(0, keepdim=True), whole, rtol=0, atol=0.06)
    assert not torch.equal(dropped[0], dropped[1])


def test_what_is_evaluated_and_what_is_large_goes_the_fused_way(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def fused(*given: Any, **more: Any) -> Any:
        called.append(given)
        return sdpa_attention_forward(*given, **more)

    monkeypatch.setattr("tunewright.training.attention.sdpa_attention_forward", fused)
    parts = [drawn(), drawn(), drawn()]
    attend(Asking(), *parts, attention_mask=None)
    assert not called
    attend(Asking().eval(), *parts, attention_mask=None)
    assert len(called) == 1
    monkeypatch.setitem(LARGEST, torch.float32, B * H * T * T - 1)
    attend(Asking(), *parts, attention_mask=None)
    assert len(called) == 2
    attend(Asking(), *parts, attention_mask=None, dropout=0.1)  # of which torch keeps all scores, too
    with torch.autocast("cpu", dtype=torch.bfloat16):  # whose bound is another
        attend(Asking(), *parts, attention_mask=None)
    assert len(called) == 2
    attend(Asking(), *(part.half() for part in parts), attention_mask=None)
    assert len(called) == 3, "a type that was not measured is the fused kernel's"


@pytest.mark.parametrize("family", LAYOUTS)
def test_a_family_trains_as_with_its_own_attention(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where its own is the fused one, what trains it is the plain one: that one is never called."""
    layout = LAYOUTS[family]
    step, own, plain = step_for(layout), text_model(family), text_model(family)
    fused = own.config._attn_implementation == FUSED
    expected = loss_and_gradients(own, step, LOSSES[layout])
    attend_plainly(plain)
    assert (plain.config._attn_implementation == NAME) == fused
    monkeypatch.setattr("tunewright.training.attention.sdpa_attention_forward", None)
    assert_same(loss_and_gradients(plain, step, LOSSES[layout]), expected)


def test_all_families_but_those_that_cap_scores_have_the_fused_attention() -> None:
    assert {family for family in LAYOUTS if text_model(family).config._attn_implementation != FUSED} == {"gemma2"}


def test_training_on_a_cpu_attends_plainly_and_the_saved_configuration_does_not_say_so() -> None:
    model = tiny_bert()
    own = model.config.to_dict()
    state = state_of(model)
    assert state.bare_model.config._attn_implementation == NAME
    assert state.bare_model.config.to_dict() == own
