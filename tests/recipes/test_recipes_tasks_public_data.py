"""Tasks beside classification on public data: `init --task` and `check`; skipped where TUNEWRIGHT_DATASETS is empty."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tunewright.cli.app import exit_code
from tunewright.recipe.load import load_recipe

pytestmark = pytest.mark.datasets


@pytest.fixture(scope="module")
def datasets() -> Path:
    folder = os.environ.get("TUNEWRIGHT_DATASETS")
    if not folder:
        pytest.skip("TUNEWRIGHT_DATASETS names no folder of public data sets")
    return Path(folder)


def test_votes_on_tweets_are_numbers_to_be_predicted(
    datasets: Path, tmp_path: Path, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, data = tmp_path / "recipe.yaml", datasets / "davidson_hate_offensive" / "labeled_data.csv"
    assert exit_code(["init", str(data), "--out", str(recipe), "--model", str(bert), "--task", "regression"]) == 0
    assert load_recipe(recipe).recipe.task == "regression"
    capsys.readouterr()
    code = exit_code(["check", str(recipe), "data.target=offensive_language", "--json"])
    found = json.loads(capsys.readouterr().out)
    errors = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert (code, errors) == (0, [])
