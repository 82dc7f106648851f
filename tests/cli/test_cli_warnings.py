"""What `check` says of choices that are allowed and unwise, and that it is silent about sound ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cli_room import records, write_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

ON_ACCURACY = "gate.conditions=[{kind: floor, metric: accuracy, at_least: 0.5}]"
ON_BOTH = (
    "gate.conditions=[{kind: floor, metric: accuracy, at_least: 0.5}, {kind: floor, metric: macro_f1, at_least: 0.5}]"
)


def findings(ran: Ran, kind: str) -> list[dict[str, Any]]:
    return [finding for finding in ran.json["findings"] if finding["kind"] == kind]


@pytest.mark.parametrize(("rate", "side"), [("5e-3", "above"), ("2e-6", "below"), ("1", "above")])
def test_a_rate_ten_times_off_is_a_warning_with_a_better_one(
    rate: str, side: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    shown = tunewright("check", "recipe.yaml", f"train.optimizer.lr={float(rate)}", "--json")
    (found,) = findings(shown, "learning_rate")
    assert shown.code == 0
    assert found["severity"] == "warning"
    assert f"{side} the range" in found["message"]
    assert "0.0002" in found["remedy"]


@pytest.mark.parametrize("rate", ["auto", "2e-5", "5e-4", "0.0002", "1e-3"])
def test_a_rate_in_reach_of_the_range_is_passed_in_silence(
    rate: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    assert findings(tunewright("check", "recipe.yaml", f"train.optimizer.lr={rate}", "--json"), "learning_rate") == []


def test_a_gate_on_accuracy_alone_is_a_warning_where_labels_are_imbalanced(
    project: Path, tunewright: Callable[..., Ran]
) -> None:
    write_csv(project / "train.csv", [*records(100, ["billing"]), *records(20, ["delivery"], start=100)])
    (found,) = findings(tunewright("check", "recipe.yaml", ON_ACCURACY, "--json"), "gate_on_accuracy")
    assert found["severity"] == "warning"
    assert "macro_f1" in found["remedy"]
    assert findings(tunewright("check", "recipe.yaml", ON_BOTH, "--json"), "gate_on_accuracy") == []


def test_a_gate_on_accuracy_is_sound_where_labels_are_balanced(project: Path, tunewright: Callable[..., Ran]) -> None:
    assert findings(tunewright("check", "recipe.yaml", ON_ACCURACY, "--json"), "gate_on_accuracy") == []


def test_a_gate_against_a_base_that_is_not_scored_is_an_error(project: Path, tunewright: Callable[..., Ran]) -> None:
    conditions = "gate.conditions=[{kind: better_than, system: base}]"
    shown = tunewright("check", "recipe.yaml", conditions, "evaluation.baselines=[majority]", "--json")
    assert shown.code == 1
    assert findings(shown, "gate")[0]["severity"] == "error"


@pytest.mark.parametrize(
    ("conditions", "more"),
    [
        ("gate.conditions=[{kind: better_than, system: best_baseline}]", "evaluation.baselines=[probe]"),
        ("gate.conditions=[{kind: better_than, alpha: 0.005}]", "evaluation.resamples=150"),
    ],
)
def test_a_gate_that_no_model_could_pass_is_an_error(
    conditions: str, more: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    shown = tunewright("check", "recipe.yaml", conditions, more, "--json")
    assert shown.code == 1
    (found,) = findings(shown, "gate")
    assert found["severity"] == "error"
    assert more.partition("=")[0] in found["message"]


def test_a_sound_recipe_has_nothing_to_warn_of(project: Path, tunewright: Callable[..., Ran]) -> None:
    shown = tunewright("check", "recipe.yaml")
    assert shown.code == 0
    assert "fit to run: 0 error(s), 0 warning(s)" in shown.out
    assert shown.err == ""


def test_the_data_is_checked_though_the_base_is_not_here(project: Path, tunewright: Callable[..., Ran]) -> None:
    hub = "model.name=google-bert/bert-base-uncased"
    sound = tunewright("check", "recipe.yaml", hub, "--json")
    assert sound.code == 0
    assert [finding["kind"] for finding in sound.json["findings"]] == ["model_not_here"]
    broken = tunewright("check", "recipe.yaml", hub, "data.target=lable")
    assert broken.code == 1
    assert "did you mean 'label'" in broken.out


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("task=generation", "not built yet"),
        ("train.method={kind: top_layers, layers: 3}", "3 layers, but the model has 2"),
        ("model.max_tokens=41", "at most 40"),
        ("data.train=trian.csv", "did you mean 'train.csv'"),
        ("model.name=gpt-4o", "google-bert/bert-base-uncased"),
        ("model.name=foo/bar.git", "no hub name"),
        ("data.train=hub:bad name", "cannot read the hub name"),
        ("evaluation.baselines=[majority]", "leaves out 'probe'"),
        ("model.name=torn", "is not JSON"),
    ],
)
def test_check_exits_1_with_the_error_that_a_run_would_meet(
    override: str, words: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    (project / "torn").mkdir()
    (project / "torn" / "config.json").write_text("{")
    (project / "torn" / "model.safetensors").write_bytes(b"")
    shown = tunewright("check", "recipe.yaml", override)
    assert shown.code == 1
    assert words in shown.out
    assert shown.err == ""
    told = tunewright("check", "recipe.yaml", override, "--json").json
    assert told["fit_to_run"] is False
    assert words in str(told["findings"])


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.checkpoint_every=40", "10 evaluations and 1 checkpoints"),
        ("train.checkpoint_every=4", "10 evaluations and 5 checkpoints"),
        ("train.evaluate_every=7", "3 evaluations and 10 checkpoints"),
    ],
)
def test_the_plan_says_how_many_evaluations_and_checkpoints_there_will_be(
    override: str, words: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    shown = tunewright("run", "recipe.yaml", "train.epochs=10", override, "--dry-run", "--json")
    assert any(words in line for line in shown.json["plan"]), shown.json["plan"]


def test_check_names_the_file_once_for_all_lines_of_a_finding(project: Path, tunewright: Callable[..., Ran]) -> None:
    write_csv(project / "train.csv", [*records(60), *records(7)])
    assert "[train.csv:62, 63, 64, 65, 66, …]" in tunewright("check", "recipe.yaml").out
