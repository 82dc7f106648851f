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


def faults(ran: Ran) -> list[dict[str, Any]]:
    return [finding for finding in ran.json["findings"] if finding["severity"] == "error"]


@pytest.mark.parametrize(("rate", "side"), [("5e-3", "above"), ("2e-6", "below"), ("0.9", "above")])
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
    (found,) = faults(shown)
    assert (found["place"], found["kind"], found["exit_code"]) == ("gate.conditions", "recipe", 2)


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
    (found,) = faults(shown)
    assert found["place"] == "gate.conditions"
    assert more.partition("=")[0] in found["message"]


def test_a_sound_recipe_has_nothing_to_warn_of(project: Path, tunewright: Callable[..., Ran]) -> None:
    write_csv(project / "train.csv", records(900))
    shown = tunewright("check", "recipe.yaml", "--json")
    assert shown.code == 0
    told = [finding["kind"] for finding in shown.json["findings"]]
    assert told == ["unknown_tokens"]  # the vocabulary of so small a base lacks the numbers in these texts
    assert shown.err == ""


@pytest.mark.parametrize("override", ["data.train=hub:owner/absent", "data.benchmarks=[hub:owner/absent]"])
def test_data_that_is_not_here_is_told_of_and_not_fetched(
    override: str, project: Path, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(project / "hub"))
    (found,) = findings(tunewright("check", "recipe.yaml", override, "--json"), "data_not_here")
    assert "hub:owner/absent is not on this machine" in found["message"]


def test_the_data_is_checked_though_the_base_is_not_here(project: Path, tunewright: Callable[..., Ran]) -> None:
    write_csv(project / "train.csv", records(900))
    hub = "model.name=google-bert/bert-base-uncased"
    sound = tunewright("check", "recipe.yaml", hub, "--json")
    assert sound.code == 0
    assert [finding["kind"] for finding in sound.json["findings"]] == ["model_not_here"]
    assert (sound.json["fit_to_run"], sound.json["not_looked_at"]) == (None, ["the base"])
    broken = tunewright("check", "recipe.yaml", hub, "data.target=lable")
    assert broken.code == 1
    assert "did you mean 'label'" in broken.out


@pytest.mark.parametrize("task", ["classification", "generation"])
def test_a_base_that_nobody_has_looked_at_is_unknown_and_not_fit(
    task: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    """An unknown is never zero: neither the closing line nor the JSON says that such a recipe is fit to run."""
    write_csv(project / "train.csv", records(900))
    hub = ("model.name=nobody/such-model", f"task={task}", "data.input=text", "data.target=label")
    told = tunewright("check", "recipe.yaml", *hub)
    assert told.code == 0
    assert "! model_not_here: nobody/such-model is not on this machine" in told.out
    assert "hf download nobody/such-model" in told.out
    assert "but the base could not be looked at" in told.out.splitlines()[-1]
    assert "fit to run" not in told.out
    found = tunewright("check", "recipe.yaml", *hub, "--json").json
    assert (found["fit_to_run"], found["not_looked_at"]) == (None, ["the base"])


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("task=generation", "of the family 'encoder'"),
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


@pytest.mark.parametrize(
    ("override", "place", "kind", "code"),
    [
        ("model.name=gpt-4o", "model.name", "recipe", 2),
        ("train.method={kind: top_layers, layers: 3}", "train.method.layers", "recipe", 2),
        ("model.max_tokens=41", "model.max_tokens", "recipe", 2),
        ("data.target=lable", "data.target", "recipe", 2),
        ("data.train=trian.csv", "trian.csv", "data", 3),
        ("split.seed=7", "split.seed", "data", 3),
    ],
)
def test_an_error_of_check_bears_its_place_and_the_code_a_run_would_end_with(
    override: str, place: str, kind: str, code: int, project: Path, tunewright: Callable[..., Ran]
) -> None:
    assert tunewright("prepare", "recipe.yaml").code == 0  # so that there is a lock to disagree with
    told = tunewright("check", "recipe.yaml", override, "--json")
    (found,) = faults(told)
    assert (found["place"], found["kind"], found["exit_code"]) == (place, kind, code)
    assert (told.code, told.json["run_exit_code"]) == (1, code)
    shown = tunewright("check", "recipe.yaml", override).out
    assert f"✗ {place}: " in shown
    assert f"a run would exit {code}" in shown
    assert tunewright("run", "recipe.yaml", override).code == code


def test_a_lock_that_is_none_is_named_as_such(project: Path, tunewright: Callable[..., Ran]) -> None:
    (project / "tunewright.lock").write_text("<<<<<<< mine\n{}", encoding="utf-8")
    (found,) = faults(tunewright("check", "recipe.yaml", "--json"))
    assert found["place"].endswith("tunewright.lock")
    assert found["exit_code"] == 3
    assert "merge conflict" in found["given"]


def test_faults_of_base_gate_and_data_are_told_together(project: Path, tunewright: Callable[..., Ran]) -> None:
    wrong = ("model.name=gpt-4o", "evaluation.baselines=[majority]", "data.target=lable")
    found = faults(tunewright("check", "recipe.yaml", *wrong, "--json"))
    assert [fault["place"] for fault in found] == ["model.name", "gate.conditions", "data.target"]


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_rate_beyond_any_range_is_refused_before_anything_is_done(
    verb: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    refused = tunewright(verb, "recipe.yaml", "train.optimizer.lr=1e9", "--json")
    assert refused.code == 2
    assert refused.json["problems"][0]["place"] == "train.optimizer.lr"
    assert not (project / "runs").exists()


def test_a_small_test_is_warned_of_with_its_rows_and_what_they_can_show(
    project: Path, tunewright: Callable[..., Ran]
) -> None:
    (found,) = findings(tunewright("check", "recipe.yaml", "--json"), "small_test")
    assert "12 rows, 6 of the smallest class" in found["message"]
    assert "points" in found["message"]


def test_a_strong_imbalance_is_warned_of(project: Path, tunewright: Callable[..., Ran]) -> None:
    write_csv(project / "train.csv", [*records(870, ["billing"]), *records(130, ["delivery"], start=870)])
    (found,) = findings(tunewright("check", "recipe.yaml", "--json"), "imbalance")
    assert "always answering 'billing' would be right on 87%" in found["message"]


def test_init_check_and_prepare_tell_the_same_of_a_file_without_a_header(
    project: Path, tunewright: Callable[..., Ran]
) -> None:
    base = (project / "recipe.yaml").read_text(encoding="utf-8").splitlines()[0].removeprefix("model: ")
    rows = records(60)
    write_csv(project / "train.csv", rows[1:], rows[0])
    proposed = tunewright("init", "train.csv", "--out", "recipe.yaml", "--force", "--model", base)
    words = "may be a record and not a header"
    assert words in proposed.err
    assert words in tunewright("check", "recipe.yaml").out
    assert words in tunewright("prepare", "recipe.yaml").err


def test_three_rows_are_warned_of_by_init_and_refused_with_their_numbers_by_check(
    project: Path, tunewright: Callable[..., Ran]
) -> None:
    base = (project / "recipe.yaml").read_text(encoding="utf-8").splitlines()[0].removeprefix("model: ")
    write_csv(project / "train.csv", records(3))
    proposed = tunewright("init", "train.csv", "--out", "recipe.yaml", "--force", "--model", base)
    assert proposed.code == 0
    assert "3 rows with a label" in proposed.err
    shown = tunewright("check", "recipe.yaml")
    assert shown.code == 1
    assert "3 rows in all to divide ('billing' 2, 'delivery' 1)" in shown.out


def test_init_says_which_file_of_a_folder_is_which_split(project: Path, tunewright: Callable[..., Ran]) -> None:
    base = (project / "recipe.yaml").read_text(encoding="utf-8").splitlines()[0].removeprefix("model: ")
    (project / "mine").mkdir()
    for number, name in enumerate(("train.csv", "valid.csv", "test.csv", "rest.csv")):
        write_csv(project / "mine" / name, records(60, start=100 * number))
    proposed = tunewright("init", "mine", "--out", "new.yaml", "--model", base)
    assert proposed.code == 0, proposed.said
    for line in ("train: train.csv (60 records)", "validation: valid.csv (60", "test: test.csv (60", "rest.csv"):
        assert line in proposed.err
    assert "split:" not in (project / "new.yaml").read_text(encoding="utf-8")
    assert tunewright("check", "new.yaml").code == 0
