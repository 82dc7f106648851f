"""Rows that say the same are found by the encoder that the recipe names, before a run and in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pipeline_room import folder, run_stage

from tiny_models import tiny_model
from tunewright.core.errors import RecipeError, RunError
from tunewright.data.store import read_profile
from tunewright.pipeline.check import check_recipe

if TYPE_CHECKING:
    from pathlib import Path


def found(project: Path) -> set[str]:
    return {finding.kind for finding in read_profile(folder(project) / "data").findings}


def test_the_named_encoder_ties_rows_and_another_threshold_builds_anew(prepared_project: Path) -> None:
    base = json.loads((prepared_project / "recipe.yaml").read_text())["model"]["name"]
    alike = [f"data.semantic_duplicates={{model: {base}, threshold: 0.98}}", "split.refreeze=tied anew"]
    assert "semantic_duplicate" not in found(prepared_project)
    assert not run_stage(prepared_project, ["prepare"], alike)["prepare"].skipped
    assert "semantic_duplicate" in found(prepared_project), "a tiny model finds many texts alike"
    assert run_stage(prepared_project, ["prepare"], alike)["prepare"].skipped
    told = check_recipe(prepared_project / "recipe.yaml", alike)
    assert "semantic_duplicate" in {finding.kind for finding in told.findings}
    assert told.faults == ()
    other = [alike[0].replace("0.98", "0.99"), alike[1]]
    assert not run_stage(prepared_project, ["prepare"], other)["prepare"].skipped


def test_a_model_that_cannot_be_had_is_named_where_the_recipe_names_it(
    prepared_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RunError, match="could not be downloaded") as raised:
        run_stage(prepared_project, ["prepare"], ["data.semantic_duplicates={model: someone/not-here}"])
    assert raised.value.problems[0].place == "data.semantic_duplicates.model"


def test_a_model_that_is_not_here_is_said_and_one_that_cannot_embed_is_refused(prepared_project: Path) -> None:
    told = check_recipe(prepared_project / "recipe.yaml", ["data.semantic_duplicates={model: someone/not-here}"])
    assert "semantic_model_not_here" in {finding.kind for finding in told.findings}
    tiny_model("llama", prepared_project / "writer")
    writer = ["data.semantic_duplicates={model: writer}"]
    with pytest.raises(RecipeError, match="no embeddings of texts") as raised:
        run_stage(prepared_project, ["prepare"], writer)
    (fault,) = check_recipe(prepared_project / "recipe.yaml", writer).faults
    assert fault.problem == raised.value.problems[0]
    assert fault.problem.place == "data.semantic_duplicates.model"
    (fault,) = check_recipe(prepared_project / "recipe.yaml", ["data.semantic_duplicates={model: ./nowhere}"]).faults
    assert fault.problem.place == "data.semantic_duplicates.model"
