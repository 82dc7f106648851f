"""A teacher: what it says of the rows, that a killed training keeps it, and which bases cannot have one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from pipeline_kills import end_of, killed_until_done, result, run_folder, start_fork
from safetensors.numpy import load_file

from tiny_room import tiny_recipe, write_recipe
from tunewright.core.errors import RecipeError
from tunewright.data.derived import derived_meta, with_parents
from tunewright.data.store import read_profile, read_split
from tunewright.models.base import find_local, read_facts
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.pipeline.teacher import TEACHER, mixed, require_teachable
from tunewright.recipe.load import load_recipe
from tunewright.recipe.model import ModelSpec
from tunewright.recipe.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.models.base import Family

PROBE = {"kind": "probe", "weight": 0.5, "folds": 3}


def with_teacher(project: Path, **train: Any) -> Path:
    content = json.loads((project / "recipe.yaml").read_text())
    content["train"] |= {"teacher": PROBE, **train}
    return write_recipe(project, content)


def trained(recipe: Path) -> Path:
    run_stages(Context(load_recipe(recipe)), ["train"])
    return run_folder(recipe)


def losses(run: Path) -> list[float]:
    lines = map(json.loads, (run / "training" / "events.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["event"] == "step"]


def test_a_target_is_the_teachers_word_and_the_rows_own_class_by_the_weight() -> None:
    taught = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    found = mixed(np.array([0, 0, 1]), taught, np.array([True, True, False]), weight=0.25)
    np.testing.assert_allclose(found, [[0.8, 0.2], [0.9, 0.1], [0.0, 1.0]], atol=1e-7)


def test_each_training_row_has_its_own_soft_target_and_training_sees_them(prepared_project: Path) -> None:
    run = trained(with_teacher(prepared_project))
    soft = load_file(run / "training" / TEACHER)["shares"]
    rows, labels = read_split(run / "data", "train"), read_profile(run / "data").labels
    assert soft.shape == (rows.height, len(labels))
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    own = soft[np.arange(rows.height), [labels.index(target) for target in rows["target"]]]
    assert own.min() >= 0.5, "half of a target is the row's own class"
    assert own.max() < 1, "and half is the teacher's word"
    taught = losses(run)
    plain = trained(with_teacher(prepared_project, teacher=None))
    assert taught != losses(plain)
    assert not (plain / "training" / TEACHER).exists(), "a training of another recipe leaves nothing behind"


def test_a_training_killed_and_resumed_goes_on_with_the_same_teacher(prepared_project: Path, tmp_path: Path) -> None:
    unbroken = with_teacher(shutil.copytree(prepared_project, tmp_path / "unbroken"))
    killed = with_teacher(shutil.copytree(prepared_project, tmp_path / "killed"))
    assert end_of(start_fork(unbroken)) == 0
    assert killed_until_done(start_fork, killed, [5, 11]) == 2
    assert result(killed) == result(unbroken)


@pytest.mark.parametrize(
    ("name", "family", "fault"), [(None, "causal", "no encoder"), ("run:earlier", "encoder", "was tuned on labels")]
)
def test_a_base_without_a_use_for_a_probe_is_refused(bert: Path, name: str | None, family: Family, fault: str) -> None:
    recipe = tiny_recipe(bert, teacher=PROBE)
    facts = replace(read_facts(find_local(ModelSpec(name=str(bert)), bert), str(bert)), family=family)
    if name is not None:
        recipe["model"]["name"] = name
    with pytest.raises(RecipeError, match=fault):
        require_teachable(Recipe.model_validate(recipe), facts)


def test_a_task_without_classes_has_no_teacher(bert: Path) -> None:
    recipe = tiny_recipe(bert, teacher=PROBE) | {"task": "generation"}
    with pytest.raises(ValueError, match="which has no classes"):
        Recipe.model_validate(recipe)


def test_a_row_that_was_made_of_another_shares_its_fold() -> None:
    made = derived_meta("{}", "parent", "typos", 1)
    rows = pl.DataFrame({"row_id": ["parent", "other", "child"], "meta": ["{}", "{}", made]})
    assert with_parents(rows, pl.Series(["a", "b", "c"])) == ["a", "b", "a"]
    orphan = rows.filter(pl.col("row_id") != "parent")
    assert with_parents(orphan, pl.Series(["b", "c"])) == ["b", "c"]
