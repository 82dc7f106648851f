"""A base by name: found without the network, refused with a reason, hashed by its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
import torch
from writer_room import logits, step, tokenizer_of

from tiny_room import save_base
from tunewright.core.errors import RecipeError, RunError
from tunewright.models.adapters import name_base
from tunewright.models.base import find_local, read_facts
from tunewright.models.catalogue import Family, family_of, hosted_only, known_model, rate_range
from tunewright.models.freeze import apply_method
from tunewright.models.load import load_causal, load_classifier, load_tuned_text, save_model
from tunewright.recipe.model import ModelSpec
from tunewright.recipe.train import Full, Lora

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def folder(bert: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bert, tmp_path / "base")


def test_a_folder_is_found_relative_to_the_recipe(folder: Path) -> None:
    base = find_local(ModelSpec(name="base"), folder.parent)
    assert base is not None
    assert (base.origin, base.folder) == ("folder", folder)
    facts = read_facts(base, "base")
    assert (facts.family, facts.model_type, facts.layers, facts.max_positions) == ("encoder", "bert", 2, 40)
    model = load_classifier(folder, ["a", "b"], dropout=None, seed=1)
    assert facts.parameters == sum(p.numel() for p in model.base_model.parameters())


def test_the_revision_of_a_folder_changes_with_any_file_that_matters(folder: Path) -> None:
    def revision() -> str:
        base = find_local(ModelSpec(name=str(folder)), Path("/"))
        assert base is not None
        return base.revision

    first = revision()
    (folder / "notes.md").write_text("nothing")
    assert revision() == first
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-6}))
    assert revision() != first


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-3.5-turbo", "claude-3-opus", "gemini-pro"])
def test_a_model_that_only_its_owner_serves_is_refused_with_open_ones_named(name: str, tmp_path: Path) -> None:
    assert hosted_only(name)
    with pytest.raises(RecipeError, match="cannot be tuned here") as raised:
        find_local(ModelSpec(name=name), tmp_path)
    assert "/" in raised.value.problems[0].remedy


def test_an_open_model_named_after_a_hosted_one_is_not_refused() -> None:
    assert not hosted_only("somebody/claude-like-bert")
    assert not hosted_only("google-bert/bert-base-uncased")


def test_pickled_weights_are_never_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(RecipeError, match=r"no \*\.safetensors"):
        find_local(ModelSpec(name=str(folder)), folder)
    with pytest.raises(RunError, match="cannot be loaded"):
        load_classifier(folder, ["a", "b"], dropout=None, seed=1)


def test_a_torn_weight_file_is_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])
    base = find_local(ModelSpec(name=str(folder)), folder)
    with pytest.raises(RecipeError, match="cannot be read"):
        read_facts(base, "base")


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_configuration_that_is_none_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(RecipeError, match=r"config\.json"):
        read_facts(find_local(ModelSpec(name=str(folder)), folder), "base")


@pytest.mark.parametrize(
    "name",
    ["no such folder", "starter/unknown", "a/b/c", "foo/bar.git", "a.", "a/b--c", "x" * 97, "~nosuchuser", "a\0b"],
)
def test_a_name_of_nothing_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no folder and no hub name"):
        find_local(ModelSpec(name=name), tmp_path)


@pytest.mark.parametrize(("name", "meant"), [("starter/lmm", "starter/lm"), ("starter/encodr", "starter/encoder")])
def test_a_starter_of_nearly_that_name_is_meant(name: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=f"did you mean '{meant}'"):
        find_local(ModelSpec(name=name), tmp_path)


def test_a_cache_that_holds_a_configuration_alone_is_a_model_yet_to_be_fetched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lookup of some other tool leaves config.json in the hub's cache, and the run must still download the rest."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    cached = tmp_path / "hub" / "models--some--model"
    snapshot = cached / "snapshots" / ("0" * 40)
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0" * 40)
    snapshot.mkdir(parents=True)
    shutil.copy(folder / "config.json", snapshot)

    def found() -> Path | None:
        base = find_local(ModelSpec(name="some/model"), tmp_path)
        return base.folder if base else None

    assert found() is None
    shutil.copy(folder / "model.safetensors", snapshot)
    assert found() == snapshot


def test_remote_code_is_never_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"auto_map": {"AutoModelForSequenceClassification": "evil.Model", "AutoConfig": "evil.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('remote code ran')\n")
    assert type(load_classifier(folder, ["a", "b"], dropout=None, seed=1)).__name__ == "BertForSequenceClassification"


def test_the_catalogue_knows_families_sizes_and_rates() -> None:
    assert family_of("bert") == "encoder"
    assert family_of("llama") == "causal"
    assert family_of("never-heard-of") is None
    assert known_model("google-bert/bert-base-uncased") == ("encoder", 109482240)
    for family in get_args(Family):
        for method in ("full", "top_layers", "lora"):
            for parameters in (1, 22_000_000, 110_000_000, 340_000_000, 7_000_000_000):
                rates = rate_range(method, parameters, family)
                assert 0 < rates.low <= rates.default <= rates.high < 1
    assert rate_range("full", 1) == rate_range("full", 1, "encoder")
    assert rate_range("lora", 8_000_000, "causal").default > rate_range("full", 8_000_000, "causal").default


def test_positions_that_count_from_behind_the_padding_index_are_counted_so(tmp_path: Path) -> None:
    base = find_local(ModelSpec(name=str(save_base(tmp_path / "m", "mpnet"))), tmp_path)
    assert read_facts(base, "m").max_positions == 38


@pytest.fixture(scope="module")
def runs_template(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base and two finished runs: `whole`, and `thin`, which is an adapter of the base."""
    root = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny("llama"), root / "base")
    for name, method in (("whole", Full()), ("thin", Lora(rank=2))):
        folder = root / "runs" / name / "model"
        model = apply_method(load_causal(root / "base", dropout=None), method, seed=1, base_name="base")
        step(model)
        save_model(model, folder)
        tokenizer_of(root / "base").save(folder)
        declare(root, name, "base")
    return root


def declare(root: Path, run: str, base: str) -> None:
    """The run's training says which base it was of, as the pipeline has it say."""
    found = find_local(ModelSpec(name=base), root)
    assert found is not None
    path = root / "runs" / run / "training" / "manifest.json"
    path.parent.mkdir(parents=True)
    declares = {"model": {"name": base, "revision": None}, "base": found.revision}
    path.write_text(json.dumps({"declares": declares}))


@pytest.fixture
def project(runs_template: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return shutil.copytree(runs_template, tmp_path, dirs_exist_ok=True)


def test_the_tuned_model_of_a_run_is_a_base(project: Path) -> None:
    whole, thin = (find_local(ModelSpec(name=f"run:{name}"), project) for name in ("whole", "thin"))
    assert whole is not None
    assert thin is not None
    model = project / "runs" / "thin" / "model"
    assert (whole.origin, whole.folder, whole.adapter) == ("run", project / "runs" / "whole" / "model", None)
    assert (thin.origin, thin.folder, thin.adapter, thin.tokenizer_folder) == ("run", project / "base", model, model)
    for base in (whole, thin):
        facts = read_facts(base, base.name)
        assert (facts.family, facts.layers, facts.max_positions) == ("causal", 2, 128)
    merged = load_causal(thin.folder, dropout=None, adapter=thin.adapter)
    adapted = load_tuned_text(model, project / "base", "causal")
    torch.testing.assert_close(logits(merged), logits(adapted), rtol=0, atol=1e-3)
    untuned = load_causal(project / "base", dropout=None)
    assert not torch.allclose(logits(merged), logits(untuned), atol=1e-2)


def test_the_revision_of_a_run_changes_with_its_adapter_and_another_base_is_refused(project: Path) -> None:
    def revision() -> str:
        base = find_local(ModelSpec(name="run:thin"), project)
        assert base is not None
        return base.revision

    first = revision()
    adapter = project / "runs" / "thin" / "model" / "adapter_config.json"
    adapter.write_text(json.dumps({**json.loads(adapter.read_text()), "lora_alpha": 1}))
    assert revision() != first
    config = project / "base" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "rms_norm_eps": 1e-5}))
    with pytest.raises(RunError, match="no longer what the adapter"):
        revision()


def test_the_base_below_an_adapter_is_asked_for_at_the_revision_it_was_trained_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "runs" / "thin" / "training" / "manifest.json"
    path.write_text(json.dumps({"declares": {"model": {"name": "some/base", "revision": "v1"}, "base": "abc"}}))
    asked: list[str | None] = []

    def from_hub(spec: ModelSpec, *, local_only: bool) -> None:  # the signature of what it stands for
        asked.append(spec.revision)

    monkeypatch.setattr("tunewright.models.base._from_hub", from_hub)
    with pytest.raises(RecipeError, match="not at hand"):
        find_local(ModelSpec(name="run:thin"), project)
    assert asked == ["v1"]


@pytest.mark.parametrize("name", ["run:whol", "run:", "run:../runs/whole", "run:whole/.."])
def test_a_run_that_is_not_there_is_refused_with_those_that_are(project: Path, name: str) -> None:
    with pytest.raises(RecipeError, match="no such run beside the recipe") as raised:
        find_local(ModelSpec(name=name), project)
    assert "thin, whole" in raised.value.problems[0].expected


def test_an_adapter_is_no_base_of_its_own(project: Path) -> None:
    with pytest.raises(RecipeError, match="holds an adapter and no whole model") as raised:
        find_local(ModelSpec(name="runs/thin/model"), project)
    assert "run:NAME" in raised.value.problems[0].remedy
    shutil.rmtree(project / "base")
    with pytest.raises(RecipeError):
        find_local(ModelSpec(name="run:thin"), project)


def test_layers_and_positions_are_read_of_every_family(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    found = {
        family: read_facts(find_local(ModelSpec(name=str(tiny(family))), tmp_path), family)
        for family in ("gpt2", "phi3", "gemma3_text", "t5", "bart", "marian")
    }
    assert {name: facts.layers for name, facts in found.items()} == {
        **{"gpt2": 2, "phi3": 2, "gemma3_text": 2},
        **{"t5": 4, "bart": 4, "marian": 4},
    }
    assert {name: facts.max_positions for name, facts in found.items()} == {
        **dict.fromkeys(("gpt2", "phi3", "gemma3_text", "bart", "marian"), 128),
        "t5": None,
    }
    assert {facts.family for facts in found.values()} == {"causal", "seq2seq"}


def test_a_model_of_pictures_and_text_tells_of_its_text_part(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(tiny("gemma3_text"), tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({"model_type": "gemma3", "text_config": config}))
    facts = read_facts(find_local(ModelSpec(name="base"), tmp_path), "base")
    assert (facts.model_type, facts.layers, facts.max_positions) == ("gemma3", 2, 128)


def test_a_tuned_model_is_tuned_further(project: Path) -> None:
    """An adapter over the base of another run: switched off, it is that run's model."""
    thin = find_local(ModelSpec(name="run:thin"), project)
    assert thin is not None
    below = load_causal(thin.folder, dropout=None, adapter=thin.adapter).eval()
    before = logits(below)
    model = apply_method(below, Lora(rank=2), seed=2, base_name="run:thin")
    step(model)
    save_model(model, project / "runs" / "further" / "model")
    declare(project, "further", "run:thin")
    folder = project / "runs" / "further" / "model"
    again: Any = load_tuned_text(folder, thin.folder, "causal", base_adapter=thin.adapter)
    assert torch.equal(logits(again), logits(model))
    with again.disable_adapter():
        assert torch.equal(logits(again), before)
    with pytest.raises(RecipeError, match="not at hand as a whole model") as raised:
        find_local(ModelSpec(name="run:further"), project)
    assert "--merge" in raised.value.problems[0].remedy


def test_where_the_base_of_an_adapter_lies_is_no_part_of_its_hash(project: Path) -> None:
    found = set()
    for place in ("/here/base", "/there/base"):
        name_base(project / "runs" / "thin" / "model", place)
        thin = find_local(ModelSpec(name="run:thin"), project)
        assert thin is not None
        found.add(thin.revision)
    assert len(found) == 1
    assert thin.address == "run:thin"
