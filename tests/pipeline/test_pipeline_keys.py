"""A stage's key changes with what decides its artefact, and with nothing else."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tiny_models import tiny_model
from tiny_room import tiny_recipe, ticket_rows, write_recipe, write_tickets
from tunewright.pipeline import baseline, train
from tunewright.pipeline.context import Context
from tunewright.pipeline.prepare import current_data
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


@pytest.fixture(scope="module")
def causal_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose base is causal and whose data is prepared; not to be changed."""
    project = tmp_path_factory.mktemp("causal")
    tiny_model("llama", project / "base")
    write_tickets(project / "tickets.csv", ticket_rows(120))
    (project / "asked.jinja").write_text(TEMPLATE)
    recipe = tiny_recipe("base") | {"model": {"name": "base", "template": "asked.jinja"}}
    recipe["evaluation"]["baselines"] = ["majority", "base"]
    run_stages(Context(load_recipe(write_recipe(project, recipe))), ["prepare"])
    return project


@pytest.fixture
def causal(causal_template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(causal_template, tmp_path / "project", copy_function=shutil.copy2)


def declared(project: Path, *overrides: str) -> Mapping[str, Any]:
    """What the stages baseline and training of the prepared project declare, as JSON."""
    context = Context(load_recipe(project / "recipe.yaml", overrides))
    data = current_data(context)
    said = {"baseline": baseline._declares(context, data), "training": train._declares(context, data)}
    return {stage: json.dumps(declares, sort_keys=True, default=str) for stage, declares in said.items()}


def test_another_template_asks_the_base_anew_for_labels_and_trains_no_classifier_anew(causal: Path) -> None:
    before = declared(causal)
    (causal / "asked.jinja").write_text(f"Be brief. {TEMPLATE}")
    after = declared(causal)
    assert after["baseline"] != before["baseline"]
    assert after["training"] == before["training"]
    assert declared(causal, "model.template=plain")["training"] == before["training"]


def test_a_template_under_another_name_changes_nothing(causal: Path) -> None:
    before = declared(causal)
    shutil.copy2(causal / "asked.jinja", causal / "other.jinja")
    assert declared(causal, "model.template=other.jinja") == before


def test_a_base_that_is_not_asked_takes_no_template(causal: Path) -> None:
    unasked = "evaluation.baselines=[majority, probe]"
    before = declared(causal, unasked)
    (causal / "asked.jinja").write_text("no template")
    assert declared(causal, unasked) == before
