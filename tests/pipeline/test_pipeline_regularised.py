"""Regularised trainings through the pipeline: killed and resumed bit for bit, validated by the plain loss."""

from __future__ import annotations

import json
import math
import random
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars
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
    "drawn together": {"r_drop": 1.0},
    "smoothed and averaged": {"label_smoothing": 0.1, "ema": {"decay": 0.9}},
    "schedule-free, noisy and held back": {
        "optimizer": {"kind": "schedule_free", "lr": 4e-3, "weight_decay": 0.0},
        "schedule": {"kind": "constant", "warmup": 0.1},
        "neftune": 5.0,
        "penalties": {"l2_sp": {}},
        "max_grad_value": 0.1,
    },
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
    step = random.SystemRandom().randrange(1, 20)
    assert killed_until_done(start_fork, killed, [step]) == 1
    assert result(killed) == result(unbroken), f"killed at step {step}"


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


def test_training_stops_at_the_first_gain_within_the_metrics_standard_error(prepared_project: Path) -> None:
    """Of a share of n rows: the root of p (1 - p) / (n - 1)."""
    stopping = {"patience": 1, "min_delta": "auto"}
    run = trained(prepared_project, "stopped", epochs=40.0, metric="accuracy", early_stopping=stopping)
    rows = polars.read_parquet(run / "data" / "validation.parquet").height
    shares = [event["metrics"]["accuracy"] for event in events(run, "evaluation")]
    assert 2 <= len(shares) < 84
    gains = [later - former > math.sqrt(later * (1 - later) / (rows - 1)) for former, later in pairwise(shares)]
    assert gains == [*[True] * (len(gains) - 1), False]
    assert "early stopping" in events(run, "end")[0]["reason"]
