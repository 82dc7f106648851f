"""Regularised trainings through the pipeline: killed and resumed bit for bit, validated by the plain loss."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from pipeline_kills import end_of, killed_until_done, result, run_folder, start_fork
from safetensors.numpy import load_file

from tiny_room import write_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe
from tunewright.training.checkpoint import MOVING, WEIGHTS

if TYPE_CHECKING:
    from pathlib import Path

CASES: dict[str, dict[str, Any]] = {
    "smoothed and averaged": {"label_smoothing": 0.1, "ema": {"decay": 0.9}},
}


def changed(project: Path, name: str, **train: Any) -> Path:
    folder = shutil.copytree(project, project.with_name(name))
    content = json.loads((folder / "recipe.yaml").read_text())
    content["train"] |= train
    return write_recipe(folder, content)


def trained(project: Path, name: str, **train: Any) -> Path:
    recipe = changed(project, name, **train)
    run_stages(Context(load_recipe(recipe)), ["train"])
    return run_folder(recipe)


def events(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "training" / "events.jsonl").read_text().splitlines())
    return [line for line in lines if line["event"] == kind]


@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_and_resumed_equals_the_unbroken_one(prepared_project: Path, case: str) -> None:
    unbroken, killed = (changed(prepared_project, name, **CASES[case]) for name in ("unbroken", "killed"))
    assert end_of(start_fork(unbroken)) == 0
    steps = sorted(random.SystemRandom().sample(range(1, 20), 2))
    assert killed_until_done(start_fork, killed, steps) == 2
    assert result(killed) == result(unbroken), f"killed at steps {steps}"


def test_the_saved_model_has_the_averaged_weights(prepared_project: Path) -> None:
    run = trained(prepared_project, "averaged", ema={"decay": 0.9})
    (best,) = (run / "training" / "checkpoints").iterdir()
    model, averaged, moving = (
        load_file(path) for path in (run / "model" / "model.safetensors", best / WEIGHTS, best / MOVING)
    )
    assert {name: value.tobytes() for name, value in model.items() if name in averaged} == {
        name: value.tobytes() for name, value in averaged.items()
    }
    assert any((averaged[name] != moving[name]).any() for name in moving)


def test_smoothing_leaves_the_validation_loss_plain(prepared_project: Path) -> None:
    """The rate is too small to change a weight, so the model is the base with its new head both times."""
    still = {"optimizer": {"lr": 1e-30, "weight_decay": 0.0}, "max_steps": 2}
    still |= {"evaluate_every": 2, "checkpoint_every": 2}
    plain, smoothed = (
        trained(prepared_project, f"smoothing-{share}", label_smoothing=share, **still) for share in (0.0, 0.5)
    )
    assert events(plain, "evaluation")[0]["metrics"] == events(smoothed, "evaluation")[0]["metrics"]
    assert events(plain, "step")[0]["loss"] != events(smoothed, "step")[0]["loss"]
