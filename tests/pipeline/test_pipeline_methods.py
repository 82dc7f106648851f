"""Methods through the stages: a killed training equals the unbroken one, whatever it tunes, and its model is read."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from pipeline_kills import end_of, killed_until_done, last_step, result, run_folder, start_fork
from pipeline_room import run_stage

from tiny_room import write_recipe
from tunewright.core.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

METHODS: Mapping[str, Mapping[str, Any]] = {
    "pissa": {"kind": "lora", "rank": 4, "initialisation": "pissa", "b_rate": 4.0},
    "dora": {"kind": "lora", "rank": 4, "dora": True, "rank_stabilised": True},
    "unfreeze": {"kind": "full", "freeze": ["LayerNorm"], "layer_decay": 0.8, "unfreeze": {"every": 6, "first": 0}},
}


def project_of(template: Path, folder: Path, method: Mapping[str, Any]) -> Path:
    """The recipe of a prepared project that tunes by the method."""
    project = shutil.copytree(template, folder, copy_function=shutil.copy2)
    content = json.loads((project / "recipe.yaml").read_text())
    content["train"]["method"] = method
    return write_recipe(project, content)


@pytest.mark.parametrize("name", METHODS)
def test_a_killed_training_equals_the_unbroken_one_whatever_it_tunes(
    prepared_template: Path, tmp_path: Path, name: str
) -> None:
    unbroken = project_of(prepared_template, tmp_path / "unbroken", METHODS[name])
    assert end_of(start_fork(unbroken)) == 0
    steps = sorted(random.SystemRandom().sample(range(1, last_step(unbroken) - 2), 2))
    killed = project_of(prepared_template, tmp_path / "killed", METHODS[name])
    assert killed_until_done(start_fork, killed, steps) == 2
    assert result(killed) == result(unbroken), f"killed at steps {steps}"
    losses = [json.loads(line)["loss"] for line in _events(unbroken) if line.startswith('{"event":"step"')]
    assert sum(losses[-3:]) < sum(losses[:3])


def _events(recipe: Path) -> list[str]:
    return (run_folder(recipe) / "training" / "events.jsonl").read_text().splitlines()


def test_a_part_that_the_base_does_not_have_is_refused_before_training(prepared_project: Path) -> None:
    with pytest.raises(RecipeError, match=r"'encoder\.layers\.0' names nothing"):
        run_stage(prepared_project, ["train"], ["train.method={kind: full, freeze: [encoder.layers.0]}"])
