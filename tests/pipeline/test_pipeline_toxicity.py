"""Toxic texts by a list and by classifiers: one tuned here, one of several labels, one that is not here."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from pipeline_room import folder, run_stage
from transformers import AutoModelForSequenceClassification

from tiny_models import tiny_model
from tiny_room import LABELS
from tunewright.core.errors import DataError, RecipeError
from tunewright.core.rows import SPLITS
from tunewright.data.store import read_dropped, read_profile, read_split
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.pipeline.toxicity import toxicity_scorer
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

TEXTS = ["my parcel is late", "refund me", "the page does not load at all"]


def asked(model: str, label: str = LABELS[0], **more: object) -> str:
    spec = {"kind": "model", "model": model, "label": label, **more}
    return f"data.toxicity={json.dumps(spec)}"


def scores(project: Path, wish: str, texts: Sequence[str] = TEXTS) -> NDArray[np.float64]:
    scorer = toxicity_scorer(Context(load_recipe(project / "recipe.yaml", [wish])), local_only=True)
    assert scorer is not None
    return scorer.scores(texts)


def test_a_run_of_ones_own_says_which_rows_are_toxic(finished: Path) -> None:
    other = finished / "other.yaml"
    recipe = json.loads((finished / "recipe.yaml").read_text()) | {"data": {"train": "tickets.csv"}}
    other.write_text(json.dumps(recipe))
    texts = pl.concat(read_split(folder(finished) / "data", name)["input"] for name in SPLITS)
    level = float(np.median(scores(finished, asked("run:recipe"), texts.to_list())))
    wish = [asked("run:recipe", at_least=level, policy="drop"), "split.refreeze=without them"]
    context = Context(load_recipe(other, wish))
    run_stages(context, ["prepare"])
    data = finished / "runs" / "other" / "data"
    dropped = read_dropped(data)
    toxic = dropped.filter(pl.col("rule") == "toxic").height
    assert read_profile(data).dropped["toxic"] == toxic
    assert 0.3 * texts.len() < toxic < 0.7 * texts.len()
    assert run_stages(context, ["prepare"])["prepare"].skipped
    told = check_recipe(other, wish)
    assert any(finding.kind == "toxic" for finding in told.findings)


def test_its_scores_are_the_models_probabilities_and_of_several_labels_each_by_itself(finished: Path) -> None:
    by_run = scores(finished, asked("run:recipe"))
    several = finished / "several"
    shutil.copytree(folder(finished) / "model", several)
    assert np.array_equal(scores(finished, asked("several")), by_run)
    model = AutoModelForSequenceClassification.from_pretrained(several)
    model.config.problem_type = "multi_label_classification"
    model.save_pretrained(several)
    apart = scores(finished, asked("several"))
    both = [scores(finished, asked("run:recipe", label=label)) for label in LABELS]
    np.testing.assert_allclose(sum(both), 1, atol=1e-6)
    odds = [np.log(each) for each in both]
    logit = np.log(apart / (1 - apart))
    others = [scores(finished, asked("several", label=label)) for label in LABELS[1:]]
    for share, other in zip(odds[1:], others, strict=True):
        np.testing.assert_allclose(logit - np.log(other / (1 - other)), odds[0] - share, atol=1e-4)


@pytest.mark.parametrize(
    ("wish", "place", "words"),
    [
        (asked("run:recipe", label=LABELS[0][:-1]), "data.toxicity.label", "did you mean"),
        (asked("run:nowhere"), "data.toxicity.model", "no such run"),
        (asked("writer"), "data.toxicity.label", "tells apart no label"),
        ('data.toxicity={"kind": "words", "file": "none.txt"}', "data.toxicity.file", "cannot be read"),
    ],
)
def test_check_tells_what_a_run_refuses(finished: Path, wish: str, place: str, words: str) -> None:
    tiny_model("llama", finished / "writer")
    with pytest.raises((RecipeError, DataError), match=words) as raised:
        run_stage(finished, ["prepare"], ["name=next", wish])
    (fault,) = check_recipe(finished / "recipe.yaml", ["name=next", wish]).faults
    assert fault.problem == raised.value.problems[0]
    assert fault.problem.place == place


def test_a_model_that_is_not_here_is_said(prepared_project: Path) -> None:
    told = check_recipe(prepared_project / "recipe.yaml", [asked("someone/not-here")])
    assert "toxicity_model_not_here" in {finding.kind for finding in told.findings}
    assert told.faults == ()


def test_another_list_builds_anew(prepared_project: Path) -> None:
    terms, wish = prepared_project / "terms.txt", ['data.toxicity={"kind": "words", "file": "terms.txt"}']
    terms.write_text("oaf\n")
    assert not run_stage(prepared_project, ["prepare"], wish)["prepare"].skipped
    assert run_stage(prepared_project, ["prepare"], wish)["prepare"].skipped
    terms.write_text("oaf\nlout\n")
    assert not run_stage(prepared_project, ["prepare"], wish)["prepare"].skipped
