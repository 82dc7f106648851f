"""Multilabel from the file to the prediction: it learns, and plain transformers gives the probabilities tested."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
from pipeline_room import folder, run
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tiny_models import tiny_model
from tiny_room import CUES, LABELS, NOISE, tiny_recipe, write_recipe
from tunewright.core.encoded import RowContent
from tunewright.core.errors import RecipeError, RunError
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.data.tokenize import encode_rows
from tunewright.models.encoders import label_set_encoder
from tunewright.models.load import load_classifier
from tunewright.pipeline.answers_label_sets import threshold_of
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.init import propose
from tunewright.pipeline.init import write_recipe as write_proposed
from tunewright.pipeline.predict import predict_rows
from tunewright.recipe.load import load_recipe
from tunewright.tracking.events import read_events
from tunewright.training.reading_losses import label_set_loss

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOLERANCE = 1e-5
TEXTS = ["billing1 word3 word9 delivery2", "word7 word1 word3"]


def labelled_rows(count: int, *, seed: int = 3) -> list[dict[str, Any]]:
    """Texts with two cue words for each of their labels; some bear none."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        borne = [label for label in LABELS if draw.random() < 0.4]
        words = [word for label in borne for word in draw.choices(CUES[label], k=2)]
        words += draw.choices(NOISE, k=draw.randint(5, 10))
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "labels": borne})
    return rows


def lay_out(place: Path, base: Path, *, rows: int = 200, **train: Any) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in labelled_rows(rows))
    (place / "labels.jsonl").write_text(lines, encoding="utf-8")
    recipe = tiny_recipe(base, **train) | {"task": "multilabel", "data": "labels.jsonl"}
    recipe["evaluation"] = {"resamples": 200, "threshold": "tuned"}
    return write_recipe(place, recipe)


@pytest.fixture(scope="module")
def learned(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run learned the labels; not to be changed."""
    project = tmp_path_factory.mktemp("sets")
    lay_out(project, bert, epochs=12.0, optimizer={"lr": 4e-3}, evaluate_every="epoch", checkpoint_every="epoch")
    run(project)
    return project


def plain_probabilities(model: Path, texts: list[str]) -> np.ndarray:
    """What somebody gets who has transformers and never heard of tunewright."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(model).eval()
    assert network.config.problem_type == "multi_label_classification"
    assert [network.config.id2label[n] for n in range(len(LABELS))] == sorted(LABELS)
    batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True)
    with torch.inference_mode():
        logits = network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return logits.sigmoid().numpy()


def test_it_learns_saves_reloads_and_plain_transformers_says_the_same(learned: Path) -> None:
    _, evaluations = read_events(folder(learned) / "training" / "events.jsonl")
    assert evaluations[-1].metrics["loss"] < 0.8 * evaluations[0].metrics["loss"]
    rows = predict_rows(folder(learned), texts=TEXTS, file=None, column=None)
    ours = [[row.probabilities[label] for label in sorted(LABELS)] for row in rows]
    np.testing.assert_allclose(ours, plain_probabilities(folder(learned) / "model", TEXTS), atol=TOLERANCE)
    for row in rows:
        assert set(row.labels) == {label for label, p in row.probabilities.items() if p >= row.threshold}


def test_the_results_hold_every_system_with_each_label_and_paired_tests(learned: Path) -> None:
    results = json.loads((folder(learned) / "evaluation" / "results.json").read_text())
    scores = {system["name"]: system for system in results["systems"]}
    assert set(scores) == {"majority", "tfidf_linear", "base", "tuned"}
    assert results["labels"] == sorted(LABELS)
    tuned = scores["tuned"]
    assert [each["label"] for each in tuned["per_class"]] == sorted(LABELS)
    assert tuned["metrics"]["micro_f1"]["value"] > scores["majority"]["metrics"]["micro_f1"]["value"]
    assert all(c["p_value"] is not None for c in results["comparisons"])
    saved = pl.read_parquet(folder(learned) / "evaluation" / "predictions.parquet")
    assert saved["threshold"][0] == json.loads((folder(learned) / "evaluation" / "threshold.json").read_text())[0]
    gate = json.loads((folder(learned) / "gate" / "gate.json").read_text())
    assert len(gate["outcomes"]) == 2


def test_the_pages_show_the_labels_and_no_confusion(learned: Path) -> None:
    page = (folder(learned) / "report" / "report.html").read_text()
    assert "Class by class" in page
    assert "What is taken for what" not in page
    assert "any of 3 labels" in (folder(learned) / "report" / "README.md").read_text()


@pytest.mark.parametrize("family", ["distilbert", "llama"])
def test_the_loss_is_that_of_transformers(bases: Any, tmp_path: Path, family: str) -> None:
    base = tiny_model(family, tmp_path) if family == "llama" else bases(family)
    context = Context(load_recipe(lay_out(tmp_path / "p", base)))
    encoder = label_set_encoder(context.tokenizer, LABELS)
    targets = [json.dumps([LABELS[n % 3]] * (n % 2)) for n in range(6)]
    contents = [RowContent(row["text"], target=t) for row, t in zip(labelled_rows(6), targets, strict=True)]
    frame = pl.DataFrame(
        {
            "row_id": [str(n) for n in range(6)],
            "input": [row.input for row in contents],
            "messages": pl.Series([None] * 6, dtype=pl.String),
            "target": targets,
        }
    )
    pad = context.tokenizer.special.pad
    model = load_classifier(base, LABELS, dropout=0.0, seed=1, pad_id=pad, problem="multi_label_classification").eval()
    step = next(load_steps(encode_rows(frame, encoder), LoadPlan(6, 10_000, 1, pad, layout="label_sets"), after=0))
    (batch,) = step.batches
    ours = label_set_loss(model, batch, torch.device("cpu")) / step.targets
    plain = model(
        input_ids=torch.from_numpy(batch.input_ids_BT),
        attention_mask=torch.from_numpy(batch.attention_mask_BT),
        labels=torch.from_numpy(batch.targets),
    ).loss
    assert step.targets == 18
    torch.testing.assert_close(ours, plain)


def test_init_and_check_need_no_hand_editing(bert: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, bert)
    write_proposed(propose(tmp_path / "labels.jsonl", tmp_path / "own.yaml", model=str(bert)), force=False)
    assert load_recipe(tmp_path / "own.yaml").recipe.task == "multilabel"
    assert check_recipe(tmp_path / "own.yaml").errors == 0


REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a metric of one class a row": (
        {"gate": {"conditions": [{"kind": "better_than", "metric": "accuracy"}]}},
        "accuracy",
    ),
    "retention": ({"gate": {"conditions": [{"kind": "retention"}]}}, "retention"),
    "a review of labels": (
        {"data": {"train": "labels.jsonl", "label_issues": {"kind": "relabel", "file": "x.csv"}}},
        "about labels",
    ),
    "balance without a column": (
        {"data": {"train": "labels.jsonl", "balance": {"kind": "oversample"}}},
        "names no column",
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_means_nothing_to_sets_is_refused_by_check(bert: Path, tmp_path: Path, case: str) -> None:
    changes, words = REFUSED[case]
    path = lay_out(tmp_path, bert, rows=60)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    faults = [str(fault.problem) for fault in check_recipe(path).faults]
    assert any(words in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "classification"}, r"evaluation\.threshold"),
        (
            {"task": "classification", "evaluation": {}, "data": {"train": "t", "label_delimiter": ";"}},
            "label_delimiter",
        ),
        ({"train": {"class_weights": {"kind": "inverse"}}}, "class_weights"),
        ({"train": {"metric": "accuracy"}}, r"train\.metric"),
    ],
)
def test_fields_of_other_tasks_are_refused_naming_both(
    bert: Path, tmp_path: Path, changes: Mapping[str, Any], words: str
) -> None:
    path = lay_out(tmp_path, bert, rows=20)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(RecipeError, match=words):
        load_recipe(path)


def test_a_threshold_that_was_found_for_another_training_is_refused(learned: Path, tmp_path: Path) -> None:
    run = shutil.copytree(folder(learned), tmp_path / "run")
    assert threshold_of(run) is not None
    manifest = json.loads((run / "training" / "manifest.json").read_text())
    (run / "training" / "manifest.json").write_text(json.dumps(manifest | {"key": "another"}))
    with pytest.raises(RunError, match="another training"):
        threshold_of(run)


def test_a_model_that_was_not_tested_says_that_no_threshold_was_chosen(learned: Path, tmp_path: Path) -> None:
    run = shutil.copytree(folder(learned), tmp_path / "run")
    told: list[str] = []
    (row, _) = predict_rows(run, texts=TEXTS, file=None, column=None, warn=told.append)
    assert (told, row.threshold) == ([], threshold_of(run))
    shutil.rmtree(run / "evaluation")
    (row, _) = predict_rows(run, texts=TEXTS, file=None, column=None, warn=told.append)
    assert row.threshold == 0.5
    assert len(told) == 1
    assert "no threshold was chosen" in told[0]


def test_a_model_that_was_not_tested_is_held_against_the_number_that_its_recipe_fixes(
    learned: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(folder(learned), tmp_path / "run")
    shutil.rmtree(run / "evaluation")
    recipe = (run / "recipe.yaml").read_text()
    assert recipe.count("threshold: tuned") == 1
    (run / "recipe.yaml").write_text(recipe.replace("threshold: tuned", "threshold: 0.3"))
    told: list[str] = []
    (row, _) = predict_rows(run, texts=TEXTS, file=None, column=None, warn=told.append)
    assert (told, row.threshold) == ([], 0.3)
