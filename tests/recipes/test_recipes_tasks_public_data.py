"""Tasks beside classification on public data: `init --task` and `check`; skipped where TUNEWRIGHT_DATASETS is empty."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import tunewright
from tunewright.cli.app import exit_code
from tunewright.core.errors import MissingPackage
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


@pytest.mark.slow
def test_spans_in_sentences_of_other_patterns_are_found_better_than_by_what_was_seen(
    datasets: Path, tmp_path: Path
) -> None:
    """Rows of one pattern stay in one split, so that no test sentence was ever seen with other names in it."""
    starter = pytest.importorskip("tunewright.starter.encoder")
    try:
        starter.encoder_folder()
    except MissingPackage as fault:
        pytest.skip(str(fault))
    data = datasets / "presidio_synthetic_pii" / "pii_spans.jsonl"
    recipe = {
        "model": "starter/encoder",
        "data": {"train": str(data), "input": "text", "target": "spans", "group": "template_id"},
        "task": "token_classification",
        "split": {"kind": "group"},
        "train": {"epochs": 8, "batch_size": 16, "optimizer": {"lr": 2e-4}},
        "evaluation": {"resamples": 1000},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    outcome = tunewright.run(tmp_path / "recipe.yaml", [])
    assert outcome.results is not None
    scores = {system.name: system.metrics["micro_f1"].value or 0.0 for system in outcome.results.systems}
    assert scores["tuned"] > 0.6
    assert scores["tuned"] > scores["base"] > scores["dictionary"] > scores["majority"] == 0
    assert all(c.p_value is not None and c.p_value < 0.01 for c in outcome.results.comparisons)
