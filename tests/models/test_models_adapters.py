"""Adapters: untrained they change nothing, switched off they are the base, merged they are themselves."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import PeftConfig
from torch import nn
from transformers.pytorch_utils import Conv1D
from writer_room import logits, step

from tiny_models import PAD, TO_TEXT
from tiny_room import LABELS
from tunewright.core.errors import RecipeError, RunError
from tunewright.models.adapters import add_adapters, has_adapter, load_with_adapter, merged, name_base
from tunewright.models.base import Base
from tunewright.models.freeze import apply_method, train_mode
from tunewright.models.load import load_causal, load_classifier, load_seq2seq, load_tuned, load_tuned_text, save_model
from tunewright.models.skeleton import require_modules
from tunewright.recipe.train import Lora

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tunewright.core.encoded import Layout

LORA = Lora(rank=4)
SOME = ("gpt2", "llama", "gemma2", "phi3", "t5", "bart")


def base_of(folder: Path, family: str) -> Any:
    return (load_seq2seq if family in TO_TEXT else load_causal)(folder, dropout=None).eval()


def adapted(names: set[str]) -> set[str]:
    return {name.partition(".lora_")[0] for name in names if ".lora_" in name}


@pytest.mark.parametrize("family", SOME)
def test_the_adapter_disabled_is_the_base_bit_for_bit(tiny: Callable[[str], Path], family: str) -> None:
    before = logits(base_of(tiny(family), family))
    model = add_adapters(base_of(tiny(family), family), LORA, 1).eval()
    assert torch.equal(logits(model), before), "an untrained adapter changes nothing"
    train_mode(model)
    step(model)
    assert not torch.equal(logits(model), before)
    with model.disable_adapter():
        assert torch.equal(logits(model), before)


@pytest.mark.parametrize("family", SOME)
def test_only_adapters_are_trained_and_every_linear_module_but_the_output_has_one(
    tiny: Callable[[str], Path], family: str
) -> None:
    model = apply_method(base_of(tiny(family), family), LORA)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained
    assert all(".lora_" in name for name in trained)
    assert not any("lm_head" in name or "embed" in name or "shared" in name for name in trained)
    inner: Any = model.get_base_model()  # type: ignore[operator]
    expected = {
        name
        for name, module in inner.named_modules()
        if type(module).__name__ in {"Linear", "Conv1D"} and hasattr(module, "lora_A")
    }
    assert expected
    assert {name.removeprefix("base_model.model.") for name in adapted(trained)} == expected


@pytest.mark.parametrize("family", SOME)
def test_the_merged_model_gives_the_adapters_logits(tiny: Callable[[str], Path], family: str) -> None:
    model = add_adapters(base_of(tiny(family), family), LORA, 1)
    train_mode(model)
    step(model)
    model.eval()
    tuned = logits(model)
    whole, difference = merged(model)
    assert not hasattr(whole, "peft_config")
    assert difference < 1e-4 * float(tuned.abs().max())
    torch.testing.assert_close(logits(whole), tuned, rtol=0, atol=1e-4 * float(tuned.abs().max()))


def test_a_merge_that_changes_the_logits_is_refused(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = add_adapters(base_of(tiny("llama"), "llama"), LORA, 1)
    whole = base_of(tiny("llama"), "llama")
    with torch.no_grad():
        whole.lm_head.weight[20] += 0.1
    monkeypatch.setattr(model, "merge_and_unload", lambda **_: whole)
    with pytest.raises(RunError, match="logits differ by"):
        merged(model)


def test_adapters_depend_on_the_seed_alone_and_leave_the_global_generator(tiny: Callable[[str], Path]) -> None:
    def begins(seed: int) -> torch.Tensor:
        model = add_adapters(base_of(tiny("llama"), "llama"), LORA, seed)
        return torch.cat([p.flatten() for name, p in model.named_parameters() if "lora_A" in name])

    torch.manual_seed(1)
    first = begins(1)
    before = torch.get_rng_state()
    assert torch.equal(begins(1), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(begins(2), first)


def test_the_recipe_names_rank_scale_and_targets(tiny: Callable[[str], Path]) -> None:
    model = add_adapters(base_of(tiny("llama"), "llama"), Lora(rank=3, targets=["q_proj", "v_proj"]), 1)
    config: Any = model.peft_config["default"]
    assert (config.r, config.lora_alpha) == (3, 6)
    names = adapted({name for name, _ in model.named_parameters()})
    assert {name.rpartition(".")[2] for name in names} == {"q_proj", "v_proj"}
    other: Any = add_adapters(base_of(tiny("llama"), "llama"), Lora(rank=3, alpha=1.5), 1).peft_config["default"]
    assert other.lora_alpha == 1.5
    with pytest.raises(RecipeError, match="no linear module is named 'q_porj'") as raised:
        add_adapters(base_of(tiny("llama"), "llama"), Lora(targets=["q_porj"]), 1)
    assert "did you mean 'q_proj'" in raised.value.problems[0].expected


@pytest.mark.parametrize("family", ["llama", "gpt2", "t5"])
def test_the_files_of_an_adapter_name_the_base_and_no_folder_of_this_machine(
    tiny: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    model = add_adapters(base_of(tiny(family), family), LORA, 1, base_name="starter/lm")
    save_model(model, tmp_path)
    assert has_adapter(tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == "starter/lm"
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"adapter_config.json", "adapter_model.safetensors", "config.json", "generation_config.json"}
    for path in tmp_path.iterdir():
        assert str(tiny(family)).encode() not in path.read_bytes(), path.name


def test_the_files_of_an_adapter_name_the_commit_of_a_base_of_the_hub(
    tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    """Without it, peft would lay the adapter over whatever the hub holds on the day it is loaded."""
    hub = Base("some/base", "hub", tiny("llama"), "0123abcd")
    local = Base("base", "folder", tiny("llama"), "a hash of files, which no hub knows")
    assert (hub.commit, local.commit) == ("0123abcd", None)
    model = add_adapters(base_of(tiny("llama"), "llama"), LORA, 1, base_name=hub.address, base_commit=hub.commit)
    save_model(model, tmp_path)
    for named in (hub, local, hub):
        name_base(tmp_path, named.address, named.commit)
        told = PeftConfig.from_pretrained(tmp_path)
        assert (told.base_model_name_or_path, told.revision) == (named.address, named.commit)


def test_an_adapter_of_another_base_is_refused(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    save_model(add_adapters(base_of(tiny("llama"), "llama"), LORA, 1), tmp_path)
    for other in ("gpt2", "phi3", "gemma2"):
        with pytest.raises(RunError, match=r"adapter") as raised:
            load_with_adapter(base_of(tiny(other), other), tmp_path)
        assert str(tmp_path) in str(raised.value)


def test_pickled_or_torn_adapters_are_never_read(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    save_model(add_adapters(base_of(tiny("llama"), "llama"), LORA, 1), tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    with pytest.raises(RunError, match="cannot be loaded"):
        load_tuned_text(tmp_path, tiny("llama"), "causal")
    shutil.move(weights, tmp_path / "adapter_model.bin")
    with pytest.raises(RunError, match=r"holds no adapter_model\.safetensors"):
        load_tuned_text(tmp_path, tiny("llama"), "causal")
    with pytest.raises(RunError, match="the base it was trained on is not given"):
        load_tuned_text(tmp_path, None, "causal")


@pytest.mark.parametrize("kind", ["bert", "distilbert", "modernbert", "llama"])
def test_a_classifier_keeps_its_new_head_beside_the_adapter(
    bases: Callable[[str], Path], tiny: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    folder = tiny(kind) if kind == "llama" else bases(kind)
    pad = PAD if kind == "llama" else None
    ids = torch.randint(5, 60, (6, 12), generator=torch.Generator().manual_seed(1))
    model: Any = apply_method(load_classifier(folder, LABELS, dropout=0.0, seed=1, pad_id=pad), LORA)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(ids).logits, torch.arange(6) % 3).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        tuned = model(ids).logits
        save_model(model, tmp_path)
        again = load_tuned(tmp_path, folder)
        assert torch.equal(again(ids).logits, tuned)
        whole, _ = merged(again)  # type: ignore[arg-type]
        torch.testing.assert_close(whole(ids).logits, tuned, rtol=0, atol=1e-3)


@pytest.mark.parametrize("family", SOME)
def test_modules_are_known_from_the_configuration_alone(
    tiny: Callable[[str], Path], family: str, tmp_path: Path
) -> None:
    shutil.copy(tiny(family) / "config.json", tmp_path)
    layout: Layout = "seq2seq" if family in TO_TEXT else "causal"
    model = base_of(tiny(family), family)
    names = {
        name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)
    }
    for name in names:
        require_modules(Lora(targets=[name]), tmp_path, layout)
    with pytest.raises(RecipeError, match="no linear module is named 'embed_tokenz'"):
        require_modules(Lora(targets=["embed_tokenz"]), tmp_path, layout)
    require_modules(Lora(), tmp_path, layout)
