"""Models that write, of every family: loaded whole or refused, trained, saved, and the same to whoever loads them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file, save_file
from writer_room import logits, rewrite_json, step

from tiny_models import CAUSAL, EOS, FAMILIES, IM_END, MASKED, PAD, TO_TEXT
from tunewright.core.encoded import SpecialIds
from tunewright.core.errors import RecipeError, RunError
from tunewright.models.freeze import apply_method, layer_list, train_mode
from tunewright.models.load import load_causal, load_classifier, load_masked, load_seq2seq, load_tuned_text, save_model
from tunewright.recipe.train import Full, Lora, TopLayers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tunewright.core.encoded import Layout

LAYOUTS: Mapping[str, Layout] = {
    **dict.fromkeys(CAUSAL, "causal"),
    **dict.fromkeys(TO_TEXT, "seq2seq"),
    **dict.fromkeys(MASKED, "masked"),
}
LOADERS: Mapping[str, Callable[..., Any]] = {"causal": load_causal, "seq2seq": load_seq2seq, "masked": load_masked}
METHODS = {"full": Full(), "lora": Lora(rank=4), "top_layers": TopLayers(layers=1)}


def loaded(folder: Path, family: str, dropout: float | None = 0.0) -> Any:
    return LOADERS[LAYOUTS[family]](folder, dropout=dropout)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_tuned_model_is_the_same_to_us_and_to_plain_transformers_and_peft(
    tiny: Callable[[str], Path], tmp_path: Path, family: str, method: str
) -> None:
    model = apply_method(loaded(tiny(family), family), METHODS[method], seed=1, base_name="tiny")
    train_mode(model)
    losses = step(model)
    assert losses[-1] < losses[0]
    tuned = logits(model)
    save_model(model, tmp_path)
    ours = load_tuned_text(tmp_path, tiny(family), LAYOUTS[family])
    assert torch.equal(logits(ours), tuned)
    kind = getattr(transformers, FAMILIES[family][0])
    if method == "lora":
        theirs = PeftModel.from_pretrained(kind.from_pretrained(tiny(family)), str(tmp_path)).eval()
    else:
        theirs = kind.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(theirs), tuned)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_top_layer_alone_moves_and_the_embeddings_stay(tiny: Callable[[str], Path], family: str) -> None:
    model = loaded(tiny(family), family)
    layers = layer_list(model)
    assert len(layers) == (4 if family in TO_TEXT else 2)
    apply_method(model, TopLayers(layers=1))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train_mode(model)
    step(model)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert moved
    assert moved <= trained
    assert all(p.requires_grad for p in layers[-1].parameters())
    assert not any(p.requires_grad for layer in layers[:-1] for p in layer.parameters())
    assert not model.get_input_embeddings().weight.requires_grad
    head = model.get_output_embeddings()
    tied = head.weight is model.get_input_embeddings().weight
    assert head.weight.requires_grad is not tied, "a head that shares the frozen embeddings is frozen with them"


def test_the_final_norm_is_trained_with_the_layer_below_it(tiny: Callable[[str], Path]) -> None:
    norms = {"llama": "model.norm", "gpt2": "transformer.ln_f", "phi": "model.final_layernorm", "mbart": "layer_norm"}
    for family, name in {**norms, "t5": "decoder.final_layer_norm"}.items():
        model = loaded(tiny(family), family)
        apply_method(model, TopLayers(layers=1))
        trained = [n for n, p in model.named_parameters() if p.requires_grad and n.endswith(f"{name}.weight")]
        assert trained, family
        if family in TO_TEXT:
            assert not any("encoder." in n for n in trained), "the encoder lies below the decoder"


def test_every_dropout_of_the_recipe_reaches_the_model(tiny: Callable[[str], Path]) -> None:
    for family in ("gpt2", "phi3", "t5", "bart"):
        dropping = loaded(tiny(family), family, 0.3).train()
        rates = {module.p for module in dropping.modules() if isinstance(module, torch.nn.Dropout)}
        assert rates <= {0.3}, family
        assert not torch.equal(logits(dropping), logits(dropping)), family
        still = loaded(tiny(family), family, 0.0).train()
        assert torch.equal(logits(still), logits(still)), family


def test_a_base_without_its_language_head_is_refused(bert: Path, tiny: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"lacks its language head: cls\.predictions") as raised:
        load_masked(bert, dropout=None)
    assert raised.value.problems[0].place == "model.name"
    headless = tmp_path / "headless"
    shutil.copytree(tiny("mistral"), headless)
    weights = load_file(headless / "model.safetensors")
    save_file(
        {n: w for n, w in weights.items() if n != "lm_head.weight"}, headless / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(RecipeError, match=r"lm_head\.weight"):
        load_causal(headless, dropout=None)


def test_a_base_of_another_family_is_refused(tiny: Callable[[str], Path]) -> None:
    for family, load in (("t5", load_causal), ("llama", load_seq2seq), ("gpt2", load_masked)):
        with pytest.raises(RecipeError, match="language head"):
            load(tiny(family), dropout=None)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_base_with_a_layer_too_few_or_too_many_is_refused_by_name(
    tiny: Callable[[str], Path], tmp_path: Path, layers: int
) -> None:
    folder = shutil.copytree(tiny("llama"), tmp_path / "base")
    rewrite_json(folder / "config.json", num_hidden_layers=layers)
    with pytest.raises(RunError, match=rf"weights.*layers\.{max(1, layers - 1)}\."):
        load_causal(folder, dropout=None)
    with pytest.raises(RunError, match="weights"):
        load_classifier(folder, ["a", "b"], dropout=None, seed=1, pad_id=PAD)


LEFT_OVER = {
    "gpt2": ("transformer.h.0.attn.bias", "transformer.h.1.attn.masked_bias"),
    "llama": ("model.layers.0.self_attn.rotary_emb.inv_freq",),
    "gpt_neo": ("transformer.h.0.attn.attention.bias", "transformer.h.1.attn.attention.masked_bias"),
    "gptj": ("transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias"),
    "gpt_neox": (
        "gpt_neox.layers.0.attention.bias",
        "gpt_neox.layers.0.attention.masked_bias",
        "gpt_neox.layers.1.attention.rotary_emb.inv_freq",
    ),
}
OLDER: Mapping[str, Callable[[], Any]] = {
    "gpt_neo": lambda: transformers.GPTNeoForCausalLM(
        transformers.GPTNeoConfig(
            vocab_size=64, hidden_size=16, num_layers=2, num_heads=2, attention_types=[[["global", "local"], 1]]
        )
    ),
    "gptj": lambda: transformers.GPTJForCausalLM(
        transformers.GPTJConfig(vocab_size=64, n_embd=16, n_layer=2, n_head=2, rotary_dim=4)
    ),
    "gpt_neox": lambda: transformers.GPTNeoXForCausalLM(
        transformers.GPTNeoXConfig(
            vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
        )
    ),
}


@pytest.mark.parametrize("family", LEFT_OVER)
def test_masks_that_earlier_versions_saved_are_no_weights_of_another_model(
    tiny: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    if family in OLDER:
        OLDER[family]().save_pretrained(tmp_path)
    else:
        shutil.copytree(tiny(family), tmp_path, dirs_exist_ok=True)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    plain = load_causal(tmp_path, dropout=None).state_dict()
    save_file({**weights, **{name: torch.ones(4) for name in LEFT_OVER[family]}}, file, {"format": "pt"})
    found = load_causal(tmp_path, dropout=None).state_dict()
    assert found.keys() == plain.keys()
    assert all(torch.equal(found[name], plain[name]) for name in plain)
    save_file({**weights, LEFT_OVER[family][0].rpartition(".")[0] + ".gate": torch.ones(4)}, file, {"format": "pt"})
    with pytest.raises(RunError, match="no place for"):
        load_causal(tmp_path, dropout=None)


def test_what_ends_an_answer_is_saved_with_the_model(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    special = SpecialIds(None, EOS, PAD, frozenset({EOS, IM_END}))
    for name, method in (("whole", Full()), ("adapter", Lora(rank=2))):
        model = apply_method(load_causal(tiny("llama"), dropout=None), method)
        save_model(model, tmp_path / name, special=special)
        saved = json.loads((tmp_path / name / "generation_config.json").read_text())
        assert saved["eos_token_id"] == [EOS, IM_END]
        assert saved["pad_token_id"] == PAD


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2", "gemma"])
def test_a_decoder_classifies_a_row_alike_in_any_company(tiny: Callable[[str], Path], family: str) -> None:
    model = load_classifier(tiny(family), ["a", "b", "c"], dropout=None, seed=1, pad_id=PAD).eval()
    short = torch.randint(10, 300, (1, 5), generator=torch.Generator().manual_seed(1))
    padded = torch.cat([short, torch.full((1, 4), PAD)], dim=1)
    beside = torch.randint(10, 300, (1, 9), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        alone = model(input_ids=short, attention_mask=torch.ones_like(short)).logits
        ids, mask = torch.cat([padded, beside]), torch.cat([padded, beside]).ne(PAD).long()
        together = model(input_ids=ids, attention_mask=mask).logits
    assert alone.shape == (1, 3)
    torch.testing.assert_close(together[:1], alone)
