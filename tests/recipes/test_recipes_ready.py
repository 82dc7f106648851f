"""Every ready recipe says what it is, passes `check`, and runs: on stand-ins where its data or base is not at hand."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tiny_room import ticket_rows
from tunewright.cli.app import exit_code
from tunewright.core.errors import MissingPackage
from tunewright.recipe.load import load_recipe
from tunewright.starter.encoder import NAME, encoder_folder

if TYPE_CHECKING:
    from tunewright.recipe.recipe import Recipe

ROOT = Path(__file__).parents[2] / "recipes"
STARTER = Path(str(files("tunewright.starter")))
READY = sorted([*ROOT.glob("*.yaml"), *(STARTER / "recipes").glob("*.yaml")])
SPLITS = ("train", "validation", "test")
STEPS = 3

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
    text, label = recipe.data.input or "text", recipe.data.target or "label"
    rows = ({text: row["text"], label: row["label"]} for row in ticket_rows(90, seed=seed))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def stand_ins(recipe: Recipe, folder: Path, base: Path) -> list[str]:
    """Overrides that put the tiny base, and files for data of the hub, in place."""
    overrides = [f"model.name={base}"]
    if recipe.data.train.startswith("hub:"):
        for number, split in enumerate(("train", "test")):
            stand_in(recipe, folder / f"stand_in_{split}.jsonl", seed=number)
            overrides.append(f"data.{split}=stand_in_{split}.jsonl")
    return overrides


def test_there_are_ready_recipes() -> None:
    assert {"banking77", "imdb_bert", "rotten_tomatoes", "tickets"} <= {path.stem for path in READY}


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
    if recipe.model.name == NAME:
        try:
            encoder_folder()
        except MissingPackage:
            pytest.skip("the extra `starter` is not installed")
    assert exit_code(["check", str(tmp_path / "recipe.yaml"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    kinds = {finding["kind"] for finding in found["findings"]}
    away = recipe.model.name != NAME
    assert ("model_not_here" in kinds) == away
    assert ("data_not_here" in kinds) == recipe.data.train.startswith("hub:")
    assert "learning_rate" not in kinds


@each_recipe
def test_a_recipe_runs_to_its_report(
    path: Path, tmp_path: Path, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = laid_out(path, tmp_path)
    quick = [f"train.max_steps={STEPS}", "train.precision=fp32", "evaluation.resamples=100", "name=quick"]
    code = exit_code(["run", str(tmp_path / "recipe.yaml"), *stand_ins(recipe, tmp_path, bert), *quick, "--json"])
    told = capsys.readouterr()
    assert code in {0, 1}, told.err
    run = tmp_path / "runs" / "quick"
    assert json.loads((run / "training" / "outcome.json").read_text(encoding="utf-8"))["steps"] == STEPS
    assert (run / "report" / "report.html").stat().st_size > 10_000
    assert {path.name for path in (run / "model").iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}


def test_the_sentiment_recipe_takes_at_most_twelve_lines() -> None:
    assert len((ROOT / "rotten_tomatoes.yaml").read_text(encoding="utf-8").splitlines()) <= 12


def test_the_imdb_recipe_is_that_of_the_tutorials() -> None:
    recipe = load_recipe(ROOT / "imdb_bert.yaml").recipe
    assert recipe.model.name == "google-bert/bert-base-uncased"
    assert recipe.data.train == "hub:stanfordnlp/imdb"
    assert (recipe.data.input, recipe.data.target) == ("text", "label")
    assert (recipe.train.optimizer.lr, recipe.train.batch_size, recipe.train.epochs) == (2e-5, 16, 3)
