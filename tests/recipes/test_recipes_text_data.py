"""The ready recipes of texts on their own data; skipped where TUNEWRIGHT_DATASETS names no folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recipes_room import STEPS, quickened, writer

from tunewright.cli.app import exit_code
from tunewright.data.store import read_split
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    import polars as pl

    from tunewright.recipe.recipe import Recipe

pytestmark = pytest.mark.datasets

ROOT = Path(__file__).parents[2] / "recipes"
DATA = {
    "dolly": "dolly_6k",
    "e2e_nlg": "e2e_nlg",
    "nusax_mt": "nusax_mt",
    "tinyshakespeare": "tinyshakespeare",
}
"""Recipe to the folder of its data."""

each_recipe = pytest.mark.parametrize("name", DATA)


@pytest.fixture
def recipe(name: str, tmp_path: Path) -> Recipe:
    """The recipe beside its data, with a tiny base in `base`."""
    datasets = os.environ.get("TUNEWRIGHT_DATASETS")
    if not datasets:
        pytest.skip("TUNEWRIGHT_DATASETS names no folder of public data sets")
    (tmp_path / DATA[name]).symlink_to(Path(datasets) / DATA[name])
    (tmp_path / "recipe.yaml").write_bytes((ROOT / f"{name}.yaml").read_bytes())
    found = load_recipe(tmp_path / "recipe.yaml").recipe
    writer(found.task, tmp_path / "base")
    return found


@each_recipe
def test_a_recipe_prepares_its_own_data(name: str, recipe: Recipe, tmp_path: Path) -> None:
    assert exit_code(["prepare", str(tmp_path / "recipe.yaml"), "model.name=base"]) == 0
    folder = tmp_path / "runs" / "recipe" / "data"
    splits = {split: read_split(folder, split) for split in ("train", "validation", "test")}
    assert min(frame.height for frame in splits.values()) >= 50
    keys = {split: set(frame["content_key"]) for split, frame in splits.items()}
    assert not keys["train"] & keys["test"]
    assert not keys["validation"] & (keys["train"] | keys["test"])
    if name == "e2e_nlg":
        assert splits["test"]["input"].n_unique() == 630
    if name == "tinyshakespeare":
        assert _last_line(splits["train"]) < _first_line(splits["validation"])
        assert _last_line(splits["validation"]) < _first_line(splits["test"])


@pytest.mark.slow
@pytest.mark.timeout(900)
@each_recipe
def test_a_recipe_runs_on_its_own_data(
    name: str, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = exit_code(["run", str(tmp_path / "recipe.yaml"), "model.name=base", *quickened(recipe), "--json"])
    told = capsys.readouterr()
    assert code in {0, 1}, told.err
    run = tmp_path / "runs" / "recipe"
    assert json.loads((run / "training" / "outcome.json").read_text(encoding="utf-8"))["steps"] == STEPS
    assert (run / "report" / "report.html").stat().st_size > 10_000


def _first_line(frame: pl.DataFrame) -> int:
    return int(frame["line"].min())  # type: ignore[arg-type]  # a column of whole numbers


def _last_line(frame: pl.DataFrame) -> int:
    return int(frame["line"].max())  # type: ignore[arg-type]  # a column of whole numbers
