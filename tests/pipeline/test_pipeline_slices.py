"""Parts of the test by columns of the data, from recipe to report; a wrong column is refused before training."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pipeline_room import run_stage

import tunewright
from tiny_models import tiny_model
from tiny_room import ticket_rows, tiny_recipe, write_recipe
from tunewright.core.errors import RecipeError
from tunewright.pipeline.check import check_recipe

if TYPE_CHECKING:
    from pathlib import Path


def project(folder: Path, base: Path, rows: list[dict[str, Any]], task: str, **data: Any) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tiny_recipe(base) | {"data": {"train": "rows.jsonl", **data}, "task": task, "split": {"test": 0.5}}
    recipe["train"] |= {"max_steps": 4, "checkpoint_every": 4, "evaluate_every": 4}
    recipe["evaluation"] = {"resamples": 200, "generate": 2, "max_new_tokens": 4}
    return write_recipe(folder, recipe)


def placed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two of three rows have a region, most have a number of stars, and each its customer."""
    return [
        row | {"region": ["Cork", "Kerry", None][n % 3], "stars": n % 2, "customer": f"c{n}"}
        for n, row in enumerate(rows)
    ]


def test_labels_are_scored_by_region_and_stand_in_the_report(tmp_path: Path, bert: Path) -> None:
    path = project(tmp_path, bert, placed(ticket_rows(180)), "classification", group="customer")
    outcome = tunewright.run(path, ["evaluation.slices=[region, stars, customer]", "split.kind=group"])
    found = outcome.results.slices
    assert {part.column for part in found} == {"region", "stars", "customer"}
    for column in ("region", "stars", "customer"):
        assert sum(part.n for part in found if part.column == column) == outcome.results.n
    assert {part.value for part in found if part.column == "region"} == {"Cork", "Kerry", "(no value)"}
    assert {part.value for part in found if part.column == "stars"} == {"0", "1"}
    (others,) = (part.value for part in found if part.column == "customer")
    assert others == f"({outcome.results.n} other values)"
    page = (outcome.folder / "report" / "report.html").read_text()
    assert 'id="slices"' in page
    assert "Kerry" in page
    assert outcome.as_dict()["slices"][0]["column"] == "region"
    tunewright.run(path, ["split.kind=group"])
    assert 'id="slices"' not in (outcome.folder / "report" / "report.html").read_text()


@pytest.mark.parametrize("task", ["regression", "multilabel", "generation"])
def test_other_tasks_are_scored_by_parts_too(task: str, tmp_path: Path, bert: Path) -> None:
    texts = placed([{"text": row["text"]} for row in ticket_rows(120)])
    targets: dict[str, Any] = {
        "regression": lambda n: {"score": n % 7 / 2},
        "multilabel": lambda n: {"labels": "ab"[: n % 3]},
    }
    if task == "generation":
        tiny_model("llama", tmp_path / "llama")
        rows = [{"prompt": row.pop("text"), "completion": f"as {n}", **row} for n, row in enumerate(texts)]
        path = project(tmp_path, tmp_path / "llama", rows, task)
    else:
        rows = [row | targets[task](n) for n, row in enumerate(texts)]
        if task == "multilabel":
            rows = [row | {"labels": list(row["labels"])} for row in rows]
        path = project(tmp_path, bert, rows, task)
    results = tunewright.run(path, ["evaluation.slices=[region]"]).results
    assert sum(part.n for part in results.slices) == results.n
    for part in results.slices:
        assert part.tuned is not None
        assert part.tuned.value is not None
        assert part.comparison is not None
        assert part.base is not None


def test_a_column_that_is_not_there_is_refused_before_anything_is_trained(tmp_path: Path, bert: Path) -> None:
    project(tmp_path, bert, placed(ticket_rows(60)), "classification")
    wrong = ["evaluation.slices=[regoin]"]
    with pytest.raises(RecipeError, match="did you mean 'region'") as raised:
        run_stage(tmp_path, ["prepare"], wrong)
    (fault,) = check_recipe(tmp_path / "recipe.yaml", wrong).faults
    assert fault.problem == raised.value.problems[0]
    assert fault.problem.place == "evaluation.slices"
    assert "one of: customer, region, stars" in fault.problem.expected
