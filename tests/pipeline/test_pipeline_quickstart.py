"""The quickstart lays out a project a task, in folders of their own, and runs it to its verdict."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from tunewright.cli.app import exit_code
from tunewright.core.errors import RecipeError
from tunewright.pipeline.quickstart import ABOUT, FOLDERS, QuickTask, lay_out, next_step
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

each_task = pytest.mark.parametrize("task", FOLDERS)


@each_task
def test_a_task_has_its_recipe_in_a_folder_of_its_own(
    task: QuickTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = lay_out(task=task)
    assert path == FOLDERS[task] / "recipe.yaml"
    assert load_recipe(path).recipe.task == task
    assert {file.name for file in FOLDERS[task].iterdir()} == {"recipe.yaml", "tickets.csv"}


@each_task
def test_what_to_do_next_is_a_command_that_there_is(task: QuickTask, tmp_path: Path) -> None:
    command = next_step(task, tmp_path / "run").split("`")[1]
    name, verb, run, *_ = shlex.split(command)
    assert (name, run) == ("tunewright", str(tmp_path / "run"))
    assert exit_code([verb, "--help"]) == 0
    assert ABOUT[task]


@each_task
def test_files_already_there_stay_as_they_are(task: QuickTask, tmp_path: Path) -> None:
    path = lay_out(tmp_path, task)
    changed = path.read_bytes() + b"seed: 14\n"
    path.write_bytes(changed)
    assert lay_out(tmp_path, task).read_bytes() == changed


def test_a_recipe_of_another_task_is_not_run_in_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = lay_out(tmp_path, "classification").read_bytes()
    with pytest.raises(RecipeError, match="classification stands there already, and generation was asked for"):
        lay_out(tmp_path, "generation")
    assert exit_code(["quickstart", "--task", "generation", "--dir", str(tmp_path)]) == 2
    assert "--dir" in capsys.readouterr().err
    assert (tmp_path / "recipe.yaml").read_bytes() == before
    assert not (tmp_path / "runs").exists()


def test_a_task_that_has_no_quickstart_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["quickstart", "--task", "translation"]) == 2
    told = capsys.readouterr().err
    assert "classification" in told
    assert "generation" in told


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_quickstart_of_generation_ends_in_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["quickstart", "--task", "generation", "--dir", str(tmp_path / "first"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] in {"ship", "dont_ship", "not_enough_evidence"}
    assert (tmp_path / "first" / "runs" / "replies" / "report" / "report.html").stat().st_size > 10_000
    results = json.loads((tmp_path / "first" / "runs" / "replies" / "evaluation" / "results.json").read_text())
    systems = {system["name"]: system["metrics"] for system in results["systems"]}
    tuned, base = (systems[name]["bits_per_byte"] for name in ("tuned", "base"))
    assert tuned["high"] < base["low"]
    assert systems["tuned"]["stop_rate"]["value"] >= 0.9
