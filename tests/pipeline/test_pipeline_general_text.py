"""General text goes along in training alone: it moves the weights, is in the key, the lineage and the card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

import tunewright
from tiny_models import tiny_model
from tunewright.core.errors import RecipeError
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

GENERAL = "data.general_text={texts: prose.txt, share: 0.5}"


UNMEASURED = ("evaluation.general_text=null", "gate.conditions=[{kind: better_than, metric: bits_per_byte}]")


def recipe(project: Path, name: str = "recipe", **sections: object) -> Path:
    rows = [{"prompt": f"what is town {n} like?", "completion": f"as {n % 7} as ever, friend {n}"} for n in range(60)]
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    prose = (
        f"In the year {n} nobody came by the mill, and number {n * 7} was let to a miller's widow." for n in range(60)
    )
    (project / "prose.txt").write_text("\n\n".join(prose))
    path = project / f"{name}.yaml"
    training = {"max_steps": 4, "batch_size": 16, "threads": 1, "precision": "fp32", "optimizer": {"lr": 1e-3}}
    evaluation = {"resamples": 200, "generate": 2, "max_new_tokens": 4, "baselines": ["base"]}
    kept = {"model": "base", "data": "rows.jsonl", "task": "generation", "train": training, "evaluation": evaluation}
    path.write_text(json.dumps(kept | sections))
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run that trained on general text beside its rows, named `with`, and one that did not."""
    project = tmp_path_factory.mktemp("general")
    tiny_model("llama", project / "base")
    path = recipe(project)
    tunewright.run(path, ["name=without"])
    tunewright.run(path, ["name=with", GENERAL, "rights.general_text.license=CC0-1.0"])
    return project


def test_it_is_trained_on_and_the_frozen_test_is_the_same(project: Path) -> None:
    one, other = (project / "runs" / name for name in ("without", "with"))
    assert (one / "data" / "test.parquet").read_bytes() == (other / "data" / "test.parquet").read_bytes()
    assert (one / "data" / "train.parquet").read_bytes() == (other / "data" / "train.parquet").read_bytes()
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (one, other)]
    assert weights[0] != weights[1]
    passages = pl.read_parquet(other / "data" / "general.parquet").height
    profile = json.loads((other / "data" / "profile.json").read_text())
    assert profile["general"] == passages > 0
    began = [json.loads((run / "training" / "events.jsonl").read_text().splitlines()[0]) for run in (one, other)]
    assert began[1] != began[0], "the passages are rows of the epoch"
    assert "CC0-1.0" in (other / "report" / "README.md").read_text()


def test_another_share_or_text_trains_anew_and_the_same_does_not(project: Path) -> None:
    def skipped(*overrides: str) -> list[bool]:
        done = run_stages(
            Context(load_recipe(project / "recipe.yaml", ["name=with", *overrides])), ["prepare", "train"]
        )
        return [done[stage].skipped for stage in ("prepare", "train")]

    assert skipped(GENERAL) == [True, True]
    assert skipped(GENERAL.replace("0.5", "4")) == [False, False]
    assert skipped(GENERAL.replace("0.5", "4"), *UNMEASURED) == [False, True]
    (project / "prose.txt").write_text((project / "prose.txt").read_text().replace("mill", "weir"))
    assert skipped(GENERAL.replace("0.5", "4")) == [False, False]


def test_a_run_that_goes_on_knows_what_it_was_trained_on(project: Path) -> None:
    run = project / "runs" / "learned"
    tunewright.run(project / "recipe.yaml", ["name=learned", GENERAL])
    learned = pl.read_parquet(run / "data" / "general.parquet")["input"]
    (project / "raw.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in [*learned, *(f"a line of {n} things" for n in range(40))])
    )
    data, split = {"train": "raw.jsonl", "test": "raw_test.jsonl"}, {"validation": 0.2}
    (project / "raw_test.jsonl").write_text(
        json.dumps({"text": learned[0]}) + "\n" + json.dumps({"text": "others"}) + "\n"
    )
    path = recipe(project, "next", model="run:learned", data=data, split=split, task="language_modelling")
    found = {finding.kind for finding in check_recipe(path).findings}
    assert "seen_test" in found


@pytest.mark.parametrize(("task", "base"), [("language_modelling", "bert"), ("text_to_text", "t5")])
def test_a_base_that_is_not_trained_on_plain_text_refuses_it(tmp_path: Path, task: str, base: str) -> None:
    tiny_model(base, tmp_path / "base")
    path = recipe(tmp_path, task=task, data={"train": "rows.jsonl", **({"input": "prompt"} if base == "bert" else {})})
    with pytest.raises(RecipeError, match="nothing else is trained on plain text") as raised:
        tunewright.run(path, [GENERAL])
    assert raised.value.problems[0].place == "data.general_text"
