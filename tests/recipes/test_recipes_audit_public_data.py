"""`audit`, then `init`, then `check` on public data as people bring it; skipped where TUNEWRIGHT_DATASETS is absent."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tunewright.cli.app import exit_code
from tunewright.recipe.load import load_recipe

sys.path.insert(0, str(Path(__file__).parents[1] / "reporting"))
from browser_room import found, needs_browser

pytestmark = [pytest.mark.datasets, pytest.mark.timeout(180)]

SPAM, TWEETS = "sms_spam/spam.csv", "davidson_hate_offensive/labeled_data.csv"
REVIEWS, INTENTS = "rotten_tomatoes_polarity", "bitext_customer_support"
CALLS = "glaive_toolcall_demo/glaive_toolcall.jsonl"
EXPECTED = {
    SPAM: ("classification", "bert", {"imbalance", "exact_duplicate", "unnamed_column", "shortcut"}),
    TWEETS: ("classification", "bert", {"imbalance", "contradiction", "shortcut", "identifier_column"}),
    REVIEWS: ("classification", "bert", {"guessed_encoding", "class_files"}),
    INTENTS: ("classification", "bert", {"own_split", "derived_column"}),
    CALLS: ("generation", None, set()),
}
"""Data to its task, the base (None is the starter) and kinds of findings that must be among those found."""


@pytest.fixture
def datasets(tmp_path: Path) -> Path:
    """The folder of public data; of the reviews, the two raw files alone, as they were published."""
    folder = os.environ.get("TUNEWRIGHT_DATASETS")
    if not folder:
        pytest.skip("TUNEWRIGHT_DATASETS names no folder of public data sets")
    below = tmp_path / "datasets"
    (below / REVIEWS).mkdir(parents=True)
    for file in (Path(folder) / REVIEWS).glob("*.latin1.txt"):
        shutil.copy(file, below / REVIEWS)
    for name in (SPAM, TWEETS, INTENTS, CALLS):
        (below / name).parent.mkdir(exist_ok=True)
        (below / name).symlink_to(Path(folder) / name)
    return below


@pytest.mark.parametrize("name", EXPECTED)
def test_audit_init_and_check_reach_a_recipe_that_is_fit_to_run(
    name: str, datasets: Path, tmp_path: Path, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, base, kinds = EXPECTED[name]
    assert exit_code(["audit", str(datasets / name), "--json"]) == 0
    audited = json.loads(capsys.readouterr().out)
    assert audited["task"] == task
    assert kinds <= {finding["kind"] for finding in audited["findings"]}
    assert (
        audited["profile"]["read"]
        == audited["read"]
        == audited["profile"]["kept"] + sum(audited["profile"]["dropped"].values())
    )
    recipe = tmp_path / "recipe.yaml"
    model = ["--model", str(bert)] if base is not None else []
    assert exit_code(["init", str(datasets / name), "--out", str(recipe), *model]) == 0
    capsys.readouterr()
    assert load_recipe(recipe).recipe.task == task
    code = exit_code(["check", str(recipe), "--json"])
    checked = json.loads(capsys.readouterr().out)
    assert (code, checked["fit_to_run"]) == (0, True), checked["findings"]


def test_the_reviews_are_two_classes_by_the_names_of_their_files(
    datasets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["audit", str(datasets / REVIEWS), "--json"]) == 0
    audited = json.loads(capsys.readouterr().out)
    assert audited["read"] == 10_662
    assert set(audited["labels"]["counts"]) == {"pos", "neg"}
    assert audited["encoding"] in {"cp1252", "latin-1"}


@needs_browser
def test_the_page_of_the_tweets_is_quiet_and_fits(datasets: Path, tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    assert exit_code(["audit", str(datasets / TWEETS), "--html", str(page)]) == 0
    for width in (1200, 400):
        seen = found(page, width)  # which also sees that nothing is said on the console
        assert seen["wide"] <= seen["view"] == width
        assert seen["requests"] == []


def test_messages_of_one_half_look_like_those_of_the_other_and_tweets_do_not(
    datasets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "sms_spam" / "spam_clean.jsonl"
    lines = clean.read_text(encoding="utf-8").splitlines(keepends=True)[:1600]
    halves = tmp_path / "even.jsonl", tmp_path / "odd.jsonl"
    for number, half in enumerate(halves):
        half.write_text("".join(lines[number::2]), encoding="utf-8")
    told = {}
    for name, other in (("same", halves[1]), ("tweets", datasets / TWEETS)):
        assert exit_code(["audit", str(halves[0]), "--against", str(other), "--json"]) == 0
        told[name] = json.loads(capsys.readouterr().out)
    kinds = {name: {finding["kind"] for finding in one["findings"]} for name, one in told.items()}
    same = told["same"]["shift"]["two_sample"]
    assert same["low"] <= 0.5, "below chance is no evidence: what one fold holds, the others lack"
    assert same["p_value"] > 0.05
    assert not {"shift", "uncovered", "length_shift", "label_shift"} & kinds["same"]
    assert told["tweets"]["shift"]["two_sample"]["auc"] > 0.9
    assert {"shift", "uncovered", "unseen_label"} <= kinds["tweets"]
