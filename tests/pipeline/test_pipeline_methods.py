"""Methods through the stages: a killed training equals the unbroken one, whatever it tunes, and its model is read."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from pipeline_kills import end_of, killed_until_done, last_step, result, run_folder, start_fork
from pipeline_room import run_stage

from tiny_room import lay_out, write_recipe
from tunewright.core.errors import RecipeError, RunError
from tunewright.pipeline.check import check_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

METHODS: Mapping[str, Mapping[str, Any]] = {
    "pissa": {"kind": "lora", "rank": 4, "initialisation": "pissa", "b_rate": 4.0},
    "dora": {"kind": "lora", "rank": 4, "dora": True, "rank_stabilised": True},
    "cached": {"kind": "top_layers", "layers": 1},
    "unfreeze": {"kind": "full", "freeze": ["LayerNorm"], "layer_decay": 0.8, "unfreeze": {"every": 3, "first": 1}},
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
    losses = _validation_losses(run_folder(unbroken))  # no dropout is drawn in these
    assert losses[-1] < losses[0]


def test_frozen_layers_are_computed_once_and_by_no_later_run(prepared_template: Path, tmp_path: Path) -> None:
    recipe = project_of(prepared_template, tmp_path / "cached", METHODS["cached"])
    said: list[str] = []
    for name, cache in (("first", "auto"), ("second", "true"), ("without", "false")):
        run_stage(recipe.parent, ["prepare", "train"], [f"train.prefix_cache={cache}", f"name={name}"], say=said.append)
    told = [line for line in said if "frozen layers" in line]
    assert len(told) == 2
    assert "the output of 1 frozen layers is computed once for each row" in told[0]
    assert "read from an earlier training" in told[1]
    assert len(list((recipe.parent / "runs" / ".cache" / "prefix").glob("*.bin"))) == 1
    first, second, without = (_losses(recipe.parent / "runs" / name) for name in ("first", "second", "without"))
    assert first == second
    assert first == pytest.approx(without, rel=2e-2)  # in bf16, should the machine be faster in it


def test_without_room_for_it_frozen_layers_are_computed_as_ever_and_told_of(
    prepared_template: Path, tmp_path: Path
) -> None:
    recipe = project_of(prepared_template, tmp_path / "small", METHODS["cached"])
    said: list[str] = []
    room = ["train.prefix_cache_gb=1e-9", "train.max_steps=2", "train.checkpoint_every=2"]
    run_stage(recipe.parent, ["train"], room, say=said.append)
    assert any("the 1 frozen layers are computed at every step: their output takes" in line for line in said)
    with pytest.raises(RunError, match=r"train\.prefix_cache: true, but their output takes"):
        run_stage(recipe.parent, ["train"], [*room, "train.prefix_cache=true"])


@pytest.mark.parametrize(
    ("kind", "given"), [("deberta-v2", ["true, but the architecture 'deberta-v2' is not known to it"]), ("bert", [])]
)
def test_check_refuses_the_cache_where_it_cannot_be(
    bases: Callable[[str], Path], tmp_path: Path, kind: str, given: list[str]
) -> None:
    recipe = lay_out(tmp_path, bases(kind), method={"kind": "top_layers", "layers": 1}, prefix_cache=True)
    faults = [fault.problem.given for fault in check_recipe(recipe).faults]
    assert faults == given


def _validation_losses(run: Path) -> list[float]:
    lines = (run / "training" / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["metrics"]["loss"] for line in lines if line.startswith('{"event":"evaluation"')]


def _losses(run: Path) -> list[float]:
    lines = (run / "training" / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines if line.startswith('{"event":"step"')]


def test_a_part_that_the_base_does_not_have_is_refused_before_training(prepared_project: Path) -> None:
    with pytest.raises(RecipeError, match=r"'encoder\.layers\.0' names nothing"):
        run_stage(prepared_project, ["train"], ["train.method={kind: full, freeze: [encoder.layers.0]}"])
