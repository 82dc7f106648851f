"""Every ready recipe says what it is, passes `check`, and runs: on stand-ins where its data or base is not at hand."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recipes_room import STEPS, lines_of, quickened, writer

from tunewright.cli.app import exit_code
from tunewright.core.errors import MissingPackage
from tunewright.recipe.load import load_recipe
from tunewright.recipe.train import Full
from tunewright.starter import encoder, lm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tunewright.recipe.recipe import Recipe

ROOT = Path(__file__).parents[2] / "recipes"
STARTER = Path(str(files("tunewright.starter")))
READY = sorted([*ROOT.glob("*.yaml"), *(STARTER / "recipes").glob("*.yaml")])
SPLITS = ("train", "validation", "test")
HERE = {encoder.NAME: encoder.encoder_folder, lm.NAME: lm.lm_folder}
"""Bases that come with the package, or an extra of it."""

each_recipe = pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)


def laid_out(path: Path, folder: Path) -> Recipe:
    """The recipe copied into the folder, with a stand-in for every file that it names."""
    shutil.copy(path, folder / "recipe.yaml")
    recipe = load_recipe(folder / "recipe.yaml").recipe
    for number, split in enumerate(SPLITS):
        source = getattr(recipe.data, split)
        if source is not None and not source.startswith("hub:"):
            stand_in(recipe, folder / source, seed=number)
    return recipe


def stand_in(recipe: Recipe, path: Path, *, seed: int) -> None:
    """The starter's own file where it has one, else made-up rows under the recipe's columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if (STARTER / "tickets" / path.name).is_file():
        shutil.copy(STARTER / "tickets" / path.name, path)
        return
    path.write_text(lines_of(recipe, seed=seed), encoding="utf-8")


def stand_ins(recipe: Recipe, folder: Path, base: Path) -> list[str]:
    """Overrides that put the tiny base, and files for data of the hub, in place."""
    overrides = [f"model.name={base}"]
    if recipe.data.train.startswith("hub:"):
        for number, split in enumerate(("train", "test")):
            stand_in(recipe, folder / f"stand_in_{split}.jsonl", seed=number)
            overrides.append(f"data.{split}=stand_in_{split}.jsonl")
    return overrides


def test_there_are_ready_recipes() -> None:
    assert {path.stem for path in READY} >= {
        *("banking77", "imdb_bert", "rotten_tomatoes", "tickets"),
        *("dolly", "e2e_nlg", "tinyshakespeare", "nusax_mt", "replies"),
    }


@each_recipe
def test_a_recipe_begins_by_saying_what_it_is(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = list(takewhile(lambda line: line.startswith("#"), lines))
    assert head[0].startswith("# ")
    assert any(line.startswith("# Data: ") for line in head)
    assert any("License" in line for line in head)


@each_recipe
def test_a_recipe_passes_its_check_without_the_network(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = laid_out(path, tmp_path)
    here = HERE.get(recipe.model.name)
    if here is not None:
        try:
            here()
        except MissingPackage as fault:
            pytest.skip(str(fault))
    assert exit_code(["check", str(tmp_path / "recipe.yaml"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    kinds = {finding["kind"] for finding in found["findings"]}
    assert ("model_not_here" in kinds) == (here is None)
    assert ("data_not_here" in kinds) == recipe.data.train.startswith("hub:")
    assert "learning_rate" not in kinds


@pytest.fixture(scope="session")
def base_of(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Path]:
    """A tiny random base that can do a recipe's task."""
    folders: dict[str, Path] = {"classification": bert}

    def base(recipe: Recipe) -> Path:
        if recipe.task not in folders:
            folders[recipe.task] = writer(recipe.task, tmp_path_factory.mktemp(recipe.task))
        return folders[recipe.task]

    return base


@each_recipe
def test_a_recipe_runs_to_its_report(
    path: Path, tmp_path: Path, base_of: Callable[[Recipe], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = laid_out(path, tmp_path)
    overrides = [*stand_ins(recipe, tmp_path, base_of(recipe)), *quickened(recipe), "name=quick"]
    code = exit_code(["run", str(tmp_path / "recipe.yaml"), *overrides, "--json"])
    told = capsys.readouterr()
    assert code in {0, 1}, told.err
    run = tmp_path / "runs" / "quick"
    assert json.loads((run / "training" / "outcome.json").read_text(encoding="utf-8"))["steps"] == STEPS
    assert (run / "report" / "report.html").stat().st_size > 10_000
    weights = (
        {"adapter_config.json", "adapter_model.safetensors"}
        if recipe.train.method.kind == "lora"
        else {"config.json", "model.safetensors"}
    )
    assert {path.name for path in (run / "model").iterdir()} >= {*weights, "tokenizer.json"}


def test_the_instructions_are_learned_by_adapters_and_whole_as_the_recipe_tells() -> None:
    path = ROOT / "dolly.yaml"
    assert load_recipe(path).recipe.train.method.kind == "lora"
    (told,) = [line for line in path.read_text(encoding="utf-8").splitlines() if "tunewright run" in line]
    whole = load_recipe(path, told.partition("dolly.yaml ")[2].split())
    assert whole.recipe.train.method == Full()
    assert whole.name == "dolly-full"


def test_the_sentiment_recipe_takes_at_most_twelve_lines() -> None:
    assert len((ROOT / "rotten_tomatoes.yaml").read_text(encoding="utf-8").splitlines()) <= 12


def test_the_imdb_recipe_is_that_of_the_tutorials() -> None:
    recipe = load_recipe(ROOT / "imdb_bert.yaml").recipe
    assert recipe.model.name == "google-bert/bert-base-uncased"
    assert recipe.data.train == "hub:stanfordnlp/imdb"
    assert (recipe.data.input, recipe.data.target) == ("text", "label")
    assert (recipe.train.optimizer.lr, recipe.train.batch_size, recipe.train.epochs) == (2e-5, 16, 3)
