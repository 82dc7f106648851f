"""`init`, `check` and `prepare` on public data; skipped where TUNEWRIGHT_DATASETS names no folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tunewright.cli.app import exit_code
from tunewright.data.store import read_dropped, read_split
from tunewright.recipe.load import load_recipe

pytestmark = pytest.mark.datasets

FILES = {
    "banking77/train.jsonl": ("text", "label"),
    "sms_spam/spam_clean.jsonl": ("text", "label"),
    "bitext_customer_support/train.csv": ("utterance", "intent"),
    "davidson_hate_offensive/labeled_data.csv": ("tweet", "class"),
    "nusax_sentiment/english_train.jsonl": ("text", "label"),
}
"""File to its columns of texts and labels."""


@pytest.fixture(scope="module")
def datasets() -> Path:
    folder = os.environ.get("TUNEWRIGHT_DATASETS")
    if not folder:
        pytest.skip("TUNEWRIGHT_DATASETS names no folder of public data sets")
    return Path(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_proposed_recipe_is_fit_to_run(
    name: str, datasets: Path, tmp_path: Path, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    assert exit_code(["init", str(datasets / name), "--out", str(recipe), "--model", str(bert)]) == 0
    capsys.readouterr()
    proposed = load_recipe(recipe).recipe
    assert (proposed.data.input, proposed.data.target) == FILES[name]
    code = exit_code(["check", str(recipe), "--json"])
    found = json.loads(capsys.readouterr().out)
    errors = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert (code, errors) == (0, [])
    assert any(line.startswith("training: ") for line in found["plan"])


def test_the_official_files_of_banking77_share_25_texts_that_leave_training(
    datasets: Path, tmp_path: Path, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "banking77").symlink_to(datasets / "banking77")
    ready = Path(__file__).parents[2] / "recipes" / "banking77.yaml"
    (tmp_path / "recipe.yaml").write_bytes(ready.read_bytes())
    assert exit_code(["prepare", str(tmp_path / "recipe.yaml"), f"model.name={bert}"]) == 0
    dropped = read_dropped(tmp_path / "runs" / "recipe" / "data")
    leaked = dropped.filter(dropped["rule"] == "leak_test")
    test = read_split(tmp_path / "runs" / "recipe" / "data", "test")
    equal = leaked.filter(leaked["content_key"].is_in(test["content_key"].implode()))
    assert equal["content_key"].n_unique() == 25
    assert "leak_test 115" in capsys.readouterr().err
