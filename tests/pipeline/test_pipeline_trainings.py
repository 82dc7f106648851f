"""A promised checkpoint is kept: a recipe may change there and back, and a finished training go on and be stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest
from pipeline_room import folder, hashes, run_stage

from tunewright.core.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tunewright.core.training import EvaluationReport, StepReport

LONGER = ("train.epochs=7.0",)


class Stop:
    """An Observer at whose step this process is told to end."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Nothing yet."""

    def on_step(self, report: StepReport) -> None:
        if report.step == self._step:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_evaluation(self, report: EvaluationReport) -> None:
        """Nothing either."""

    def on_end(self, reason: str) -> None:
        """Nothing any more."""


def trained(project: Path, overrides: tuple[str, ...] = (), **context: Any) -> list[str]:
    """What the stage says."""
    said: list[str] = []
    run_stage(project, ["train"], overrides, say=said.append, **context)
    return said


def stopped(project: Path, step: int, overrides: tuple[str, ...] = ()) -> None:
    with pytest.raises(Interrupted):
        trained(project, overrides, observers=(Stop(step),))


def test_the_checkpoint_of_a_stopped_training_outlasts_a_recipe_changed_back_and_forth(finished: Path) -> None:
    model = hashes(folder(finished) / "model")
    stopped(finished, 4, LONGER)
    for step in (6, 8):
        said = trained(finished)
        assert said[-1] == "training: unchanged, skipped"
        assert "training: the unfinished training of the other settings is kept: with them it resumes" in said
        assert hashes(folder(finished) / "model") == model
        stopped(finished, step, LONGER)
    said = trained(finished, LONGER)
    assert "training: resuming after step 8" in said
    assert hashes(folder(finished) / "model") != model
    assert not (folder(finished) / ".training.previous").exists()


def test_a_third_recipe_says_what_it_takes_the_place_of(finished: Path) -> None:
    stopped(finished, 4, LONGER)
    trained(finished)
    said = trained(finished, ("train.epochs=1.0",))
    assert "training: the checkpoints that were kept of an unfinished training give way to it" in said


@pytest.mark.parametrize("renamed", [1, 2])
def test_an_exchange_that_was_killed_half_way_loses_nothing(finished: Path, renamed: int) -> None:
    stopped(finished, 4, LONGER)
    for old, new in [("training", ".training.exchanged"), (".training.previous", "training")][:renamed]:
        (folder(finished) / old).rename(folder(finished) / new)
    assert trained(finished)[-1] == "training: unchanged, skipped"
    assert "training: resuming after step 4" in trained(finished, LONGER)


def test_a_finished_training_that_went_on_and_was_stopped_resumes_from_its_new_checkpoint(finished: Path) -> None:
    model = hashes(folder(finished) / "model")
    best = json.loads((folder(finished) / "training" / "outcome.json").read_text())["best_step"]
    shutil.rmtree(folder(finished) / "model")
    stopped(finished, best + 1)
    assert f"training: resuming after step {best + 1}" in trained(finished)
    assert hashes(folder(finished) / "model") == model
