"""A base by name: found without the network, refused with a reason, hashed by its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tiny_room import save_base
from tunewright.core.errors import RecipeError, RunError
from tunewright.models.base import find_local, read_facts
from tunewright.models.catalogue import family_of, hosted_only, known_model, rate_range
from tunewright.models.load import load_classifier
from tunewright.recipe.model import ModelSpec


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
    for method in ("full", "top_layers"):
        for parameters in (1, 22_000_000, 110_000_000, 340_000_000, 7_000_000_000):
            rates = rate_range(method, parameters)
            assert 0 < rates.low <= rates.default <= rates.high < 1


def test_positions_that_count_from_behind_the_padding_index_are_counted_so(tmp_path: Path) -> None:
    base = find_local(ModelSpec(name=str(save_base(tmp_path / "m", "mpnet"))), tmp_path)
    assert read_facts(base, "m").max_positions == 38
