"""Kinds of adapters: each trains, is read back by us and by plain peft, merges, and leaves the base as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from peft import PeftModel
from writer_room import logits, step

from tiny_models import TO_TEXT
from tiny_room import LABELS
from tunewright.core.errors import RecipeError
from tunewright.models.adapters import MERGE_TOLERANCE, load_with_adapter, merged
from tunewright.models.freeze import apply_method, train_mode
from tunewright.models.load import load_causal, load_classifier, load_seq2seq, load_tuned, load_tuned_text, save_model
from tunewright.recipe.train import Lora

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

KINDS: Mapping[str, Lora] = {
    "rslora": Lora(rank=8, rank_stabilised=True),
    "dora": Lora(rank=4, dora=True),
    "pissa": Lora(rank=4, initialisation="pissa"),
    "pissa, rank-stabilised": Lora(rank=4, initialisation="pissa", rank_stabilised=True, alpha=3.0),
    "pissa and dora": Lora(rank=4, initialisation="pissa", dora=True),
}
FAMILIES = ("gpt2", "llama", "phi3", "t5", "bart")
CONVERTED = 1e-4
"""Of the largest logit: a base from which singular vectors were taken and given back is the base but for rounding."""


def base_of(folder: Path, family: str) -> Any:
    return (load_seq2seq if family in TO_TEXT else load_causal)(folder, dropout=None).eval()


def near(one: torch.Tensor, other: torch.Tensor, share: float) -> bool:
    return float((one - other).abs().max()) <= share * float(other.abs().max())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_is_read_back_merges_and_disabled_is_the_base(
    tiny: Callable[[str], Path], tmp_path: Path, family: str, kind: str
) -> None:
    untouched = logits(base_of(tiny(family), family))
    model = apply_method(base_of(tiny(family), family), KINDS[kind], seed=1, base_name=str(tiny(family)))
    assert near(logits(model.eval()), untouched, CONVERTED), "an untrained adapter changes nothing but rounding"
    assert all(".lora_" in name for name, p in model.named_parameters() if p.requires_grad)
    train_mode(model)
    losses = step(model, lr=0.01, steps=4)
    assert losses[-1] < losses[0]
    tuned = logits(model)
    assert not near(tuned, untouched, 10 * CONVERTED)
    save_model(model, tmp_path)
    layout = "seq2seq" if family in TO_TEXT else "causal"
    again: Any = load_tuned_text(tmp_path, tiny(family), layout)  # type: ignore[arg-type]  # the two layouts that write
    exact = KINDS[kind].initialisation == "zero"
    assert torch.equal(logits(again), tuned) if exact else near(logits(again), tuned, CONVERTED)
    with again.disable_adapter():
        assert torch.equal(logits(again), untouched)
    plain = transformers.AutoModelForSeq2SeqLM if family in TO_TEXT else transformers.AutoModelForCausalLM
    theirs = PeftModel.from_pretrained(plain.from_pretrained(tiny(family)), str(tmp_path)).eval()
    assert near(logits(theirs), logits(again), 1e-6)
    whole, _ = merged(again)
    assert near(logits(whole), tuned, CONVERTED + MERGE_TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_classifier_of_every_kind_keeps_its_head(bert: Path, tmp_path: Path, kind: str) -> None:
    model: Any = apply_method(load_classifier(bert, LABELS, dropout=0.0, seed=1), KINDS[kind], seed=1)
    ids = torch.randint(5, 60, (6, 12), generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.02)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(ids).logits, torch.arange(6) % 3).backward()
        optimizer.step()
    with torch.inference_mode():
        tuned = model.eval()(ids).logits
        save_model(model, tmp_path)
        assert near(load_tuned(tmp_path, bert)(ids).logits, tuned, CONVERTED)


def test_principal_singular_vectors_are_saved_as_a_plain_adapter_of_twice_the_rank(
    tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    for method, scale in ((KINDS["pissa"], 8 / 4), (KINDS["pissa, rank-stabilised"], 3 / 4**0.5)):
        model = apply_method(base_of(tiny("llama"), "llama"), method, seed=1)
        save_model(model, tmp_path)
        told = json.loads((tmp_path / "adapter_config.json").read_text())
        assert (told["r"], told["init_lora_weights"]) == (8, True)
        saved = load_with_adapter(base_of(tiny("llama"), "llama"), tmp_path)
        modules: list[Any] = [module for module in saved.modules() if hasattr(module, "lora_A")]
        assert [module.scaling["default"] for module in modules] == pytest.approx([scale] * len(modules))
        change = max(float(p.abs().max()) for name, p in saved.named_parameters() if ".lora_B." in name)
        assert change > 0, "what was taken out of the base is in its files"


def test_an_adapter_begins_at_the_largest_singular_vectors(tiny: Callable[[str], Path]) -> None:
    base = base_of(tiny("llama"), "llama")
    matrix = base.model.layers[0].mlp.up_proj.weight.detach().clone()
    inner: Any = apply_method(base, KINDS["pissa"], seed=1).get_base_model()  # type: ignore[operator]
    layer = inner.model.layers[0].mlp.up_proj
    left = torch.linalg.svdvals(layer.base_layer.weight.detach())
    values = torch.linalg.svdvals(matrix)
    torch.testing.assert_close(left[:-4], values[4:], rtol=1e-4, atol=1e-5)


def test_a_rank_above_a_matrix_has_no_singular_vectors_to_begin_with(tiny: Callable[[str], Path]) -> None:
    with pytest.raises(RecipeError, match=r"only \d+ singular vectors") as raised:
        apply_method(base_of(tiny("llama"), "llama"), Lora(rank=33, initialisation="pissa"))
    assert raised.value.problems[0].place == "train.method.rank"
