"""A training killed at any step and resumed equals the unbroken one, bit for bit on the CPU."""

from __future__ import annotations

import json
import random
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from pipeline_kills import (
    SYNCS,
    end_of,
    killed_until_done,
    last_step,
    result,
    run_folder,
    signalled_at,
    start_command,
    start_fork,
)

from tiny_room import write_recipe
from tunewright.core.errors import MissingPackage
from tunewright.pipeline.context import Context
from tunewright.pipeline.quickstart import lay_out
from tunewright.pipeline.recipes import recipe_text
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe
from tunewright.starter.encoder import encoder_folder
from tunewright.training.checkpoint import read_progress

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 22
"""Of the tiny recipe: 84 training rows in batches of 8, twice."""


def a_copy(project: Path, name: str) -> Path:
    return shutil.copytree(project, project.with_name(name)) / "recipe.yaml"


@pytest.fixture(scope="module")
def unbroken_recipe(prepared_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a finished unbroken training. Dropout is on: 0.1, the default of BERT."""
    project = shutil.copytree(prepared_template, tmp_path_factory.mktemp("unbroken") / "project")
    recipe = project / "recipe.yaml"
    assert end_of(start_fork(recipe)) == 0
    assert last_step(recipe) == STEPS
    return recipe


@pytest.fixture
def unbroken(unbroken_recipe: Path) -> dict[str, str]:
    """The unbroken run's hashes."""
    return result(unbroken_recipe)


def test_a_run_killed_at_random_steps_and_resumed_equals_the_unbroken_one(
    prepared_project: Path, unbroken: dict[str, str]
) -> None:
    steps = sorted(random.SystemRandom().sample(range(1, STEPS - 2), 3))
    recipe = a_copy(prepared_project, "killed")
    assert killed_until_done(start_fork, recipe, steps) == 3
    assert result(recipe) == unbroken, f"killed at steps {steps}"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_a_checkpoint_and_the_resumed_run_equals_the_unbroken_one(
    prepared_project: Path, unbroken: dict[str, str], number: int, code: int
) -> None:
    recipe = a_copy(prepared_project, "stopped")
    assert signalled_at(start_fork(recipe), recipe, 7, number) == code
    stopped_at = last_step(recipe)
    checkpoint = run_folder(recipe) / "training" / "checkpoints" / f"step-{stopped_at:08d}"
    progress = read_progress(checkpoint)
    assert progress is not None
    assert progress.step == stopped_at >= 7
    assert end_of(start_fork(recipe)) == 0
    assert result(recipe) == unbroken


def test_a_run_killed_while_it_writes_and_resumed_equals_the_unbroken_one(
    prepared_project: Path, unbroken_recipe: Path
) -> None:
    """Every fsync of the run (in a log, in a checkpoint, in model/, in a manifest) is a place to die: four of them."""
    syncs = int((unbroken_recipe.parent / SYNCS).read_text())
    places = [*random.SystemRandom().sample(range(5, syncs - 8), 2), syncs - 3, syncs]
    for place in places:
        recipe = a_copy(prepared_project, f"killed-{place}")
        assert end_of(start_fork(recipe, dies_at_sync=place)) == -signal.SIGKILL
        assert end_of(start_fork(recipe)) == 0
        assert result(recipe) == result(unbroken_recipe), f"killed at sync {place} of {syncs}"
        assert not list(run_folder(recipe).glob("training/checkpoints/.*"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_kills_of_the_command_line_leave_no_trace(prepared_project: Path) -> None:
    unbroken, killed = a_copy(prepared_project, "unbroken"), a_copy(prepared_project, "killed")
    for recipe in (unbroken, killed):
        content = json.loads(recipe.read_text())
        content["train"] |= {"epochs": 40.0, "checkpoint_every": 7, "evaluate_every": 11, "max_steps": 300}
        write_recipe(recipe.parent, content)
    assert end_of(start_command(unbroken)) == 0
    steps = sorted(random.SystemRandom().sample(range(1, 250), 10))
    assert killed_until_done(start_command, killed, steps) == 10
    assert result(killed) == result(unbroken), f"killed at steps {steps}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_kills_of_the_starter_encoder_leave_no_trace(tmp_path: Path) -> None:

    try:
        encoder_folder()
    except MissingPackage as fault:
        pytest.skip(str(fault))
    project = tmp_path / "project"
    project.mkdir()
    train = {"max_steps": 30, "batch_size": 8, "checkpoint_every": 3, "evaluate_every": 10, "tensorboard": "false"}
    changes = ["name=recipe", *(f"train.{name}={value}" for name, value in train.items())]
    recipe = lay_out(project)
    recipe.write_text(recipe_text(load_recipe(recipe, changes)))
    run_stages(Context(load_recipe(recipe)), ["prepare"])
    unbroken, killed = a_copy(project, "unbroken"), a_copy(project, "killed")
    assert end_of(start_command(unbroken)) == 0
    steps = sorted(random.SystemRandom().sample(range(1, 28), 10))
    assert killed_until_done(start_command, killed, steps) == 10
    assert result(killed) == result(unbroken), f"killed at steps {steps}"
