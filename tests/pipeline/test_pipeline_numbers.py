"""Regression from the file to the prediction: it learns, and plain transformers gives the numbers that were tested."""

from __future__ import annotations

import csv
import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
from pipeline_room import folder, run
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tiny_room import CUES, ENCODERS, NOISE, tiny_recipe, write_recipe
from tunewright.core.errors import RecipeError
from tunewright.core.results import Verdict
from tunewright.evaluation.numbers import METRICS
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.init import propose
from tunewright.pipeline.init import write_recipe as write_proposed
from tunewright.pipeline.predict import predict_rows
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe
from tunewright.tracking.events import read_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TOLERANCE = 1e-4
"""Of numbers around 500: fp32 rounding of folded weights."""
TEXTS = ["billing1 word3 word9 billing2", "delivery4 word7 delivery0 word1"]


def scored_rows(count: int, *, seed: int = 3) -> list[dict[str, str]]:
    """Texts whose number is 500, and 40 more for each word of billing and 40 less for each of delivery, nearly."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        up, down = draw.randint(0, 4), draw.randint(0, 4)
        words = [*draw.choices(CUES["billing"], k=up), *draw.choices(CUES["delivery"], k=down)]
        words += draw.choices(NOISE, k=draw.randint(4, 10))
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "score": f"{500 + 40 * (up - down) + draw.gauss(0, 4):.1f}"})
    return rows


def lay_out(place: Path, base: Path, *, rows: int = 200, **train: Any) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    with (place / "scores.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["text", "score"])
        writer.writeheader()
        writer.writerows(scored_rows(rows))
    recipe = tiny_recipe(base, **train) | {"task": "regression", "data": "scores.csv"}
    recipe["evaluation"] = {"resamples": 200}
    return write_recipe(place, recipe)


@pytest.fixture(scope="module")
def learned(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run learned the scores; not to be changed."""
    project = tmp_path_factory.mktemp("numbers")
    lay_out(project, bert, epochs=16.0, optimizer={"lr": 4e-3}, evaluate_every="epoch", checkpoint_every="epoch")
    run(project)
    return project


def plain_numbers(model: Path, texts: list[str]) -> np.ndarray:
    """What somebody gets who has transformers and never heard of tunewright."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(model).eval()
    assert network.config.problem_type == "regression"
    assert network.config.num_labels == 1
    batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True)
    with torch.inference_mode():
        return network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0].numpy()


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_a_family_trains_saves_reloads_and_gives_the_same_numbers(
    bases: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    lay_out(tmp_path, bases(kind), rows=60, epochs=1.0)
    outcome = run(tmp_path)
    steps, _ = read_events(outcome.folder / "training" / "events.jsonl")
    assert all(np.isfinite(step.loss) for step in steps)
    ours = [row.value for row in predict_rows(outcome.folder, texts=TEXTS, file=None, column=None)]
    np.testing.assert_allclose(ours, plain_numbers(outcome.folder / "model", TEXTS), rtol=TOLERANCE)
    assert all(300 < value < 700 for value in ours), "numbers stand in the data's own unit"


def test_adapters_hold_the_scale_too(bert: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, bert, rows=60, epochs=2.0, method={"kind": "lora", "rank": 1})
    outcome = run(tmp_path)
    tuned = pl.read_parquet(outcome.folder / "evaluation" / "predictions.parquet")
    test = pl.read_parquet(outcome.folder / "data" / "test.parquet")
    again = predict_rows(outcome.folder, texts=test["input"].to_list(), file=None, column=None)
    np.testing.assert_allclose([row.value for row in again], tuned["predicted"], rtol=TOLERANCE)
    assert abs(float(tuned["predicted"].mean()) - 500) < 100


def test_the_loss_falls_and_the_tuned_model_beats_the_mean(learned: Path) -> None:
    results = json.loads((folder(learned) / "evaluation" / "results.json").read_text())
    _, evaluations = read_events(folder(learned) / "training" / "events.jsonl")
    assert evaluations[-1].metrics["loss"] < 0.7 * evaluations[0].metrics["loss"]
    scores = {system["name"]: system["metrics"] for system in results["systems"]}
    assert set(scores) == {"mean", "tfidf_linear", "base", "tuned"}
    assert all(set(metrics) == set(METRICS) for metrics in scores.values())
    assert scores["tuned"]["rmse"]["value"] < 0.8 * scores["mean"]["rmse"]["value"]
    assert scores["mean"]["pearson"]["value"] is None, "a constant correlates with nothing, which is not zero"
    assert scores["tuned"]["rmse"]["low"] < scores["tuned"]["rmse"]["value"] < scores["tuned"]["rmse"]["high"]
    against = {c["against"] for c in results["comparisons"] if c["metric"] == "rmse" and c["p_value"] is not None}
    assert against == {"mean", "tfidf_linear", "base"}


def test_the_gate_and_the_pages_speak_of_numbers(learned: Path) -> None:
    gate = json.loads((folder(learned) / "gate" / "gate.json").read_text())
    assert [outcome["condition"].split()[0] for outcome in gate["outcomes"]] == ["RMSE", "R"]
    assert gate["verdict"] in {verdict.value for verdict in Verdict}
    page = (folder(learned) / "report" / "report.html").read_text()
    assert "RMSE" in page
    assert "What is taken for what" not in page
    card = (folder(learned) / "report" / "README.md").read_text()
    assert "The model gives a text a number" in card


def test_rows_that_training_rows_hold_leave_the_other_part_of_the_test(bert: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, bert, rows=80)
    test, long = scored_rows(30, seed=9), [row for row in scored_rows(80, seed=11) if len(row["text"].split()) > 9][:3]
    quoting = [
        {"text": f"{other['text']} {row['text']} {other['text']}", "score": "500"}
        for row, other in zip(long, test, strict=False)
    ]
    for name, rows in (("train", scored_rows(80) + quoting), ("test", test[3:] + long)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(tmp_path, "data={train: train.jsonl, test: test.jsonl}")
    results = json.loads((folder(tmp_path) / "evaluation" / "results.json").read_text())
    part = results["clean_part"]
    assert (part["n"], part["left_out"], results["n"]) == (27, 3, 30)
    assert [system["name"] for system in part["systems"]] == [system["name"] for system in results["systems"]]
    saved = pl.read_parquet(folder(tmp_path) / "evaluation" / "predictions.parquet")
    errors = (saved["target"] - saved["predicted"]).abs()
    held = set(pl.read_parquet(folder(tmp_path) / "data" / "contamination.parquet")["row_id"])
    kept = [row not in held for row in saved["row_id"]]
    (tuned,) = [system for system in part["systems"] if system["role"] == "tuned"]
    assert tuned["metrics"]["mae"]["value"] == pytest.approx(errors.filter(pl.Series(kept)).mean())
    assert "Without the 3 of 30 test rows" in (folder(tmp_path) / "report" / "report.html").read_text()


def test_init_check_and_predict_need_no_hand_editing(bert: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, bert)
    proposal = propose(tmp_path / "scores.csv", tmp_path / "own.yaml", model=str(bert))
    write_proposed(proposal, force=False)
    recipe = load_recipe(tmp_path / "own.yaml").recipe
    assert (recipe.task, recipe.data.input, recipe.data.target) == ("regression", "text", "score")
    assert check_recipe(tmp_path / "own.yaml").errors == 0


REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a metric of classes": (
        {"gate": {"conditions": [{"kind": "floor", "metric": "accuracy", "at_least": 0.5}]}},
        "accuracy",
    ),
    "a floor of classes": ({"gate": {"conditions": [{"kind": "class_floor"}]}}, "no classes"),
    "retention": ({"gate": {"conditions": [{"kind": "retention"}]}}, "retention"),
    "no opponent": ({"evaluation": {"baselines": ["mean"]}}, "leaves out 'probe'"),
    "variants of labels": ({"data": {"train": "scores.csv", "label_map": {"1": "2"}}}, "about labels"),
    "balance without a column": (
        {"data": {"train": "scores.csv", "balance": {"kind": "oversample"}}},
        "names no column",
    ),
    "windows": ({"data": {"train": "scores.csv", "overlength": "window"}}, "window"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_means_nothing_to_numbers_is_refused_by_check(bert: Path, tmp_path: Path, case: str) -> None:
    changes, words = REFUSED[case]
    path = lay_out(tmp_path, bert, rows=60)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    faults = [str(fault.problem) for fault in check_recipe(path).faults]
    assert any(words in fault for fault in faults), faults


def test_a_metric_of_classes_cannot_choose_the_checkpoint(bert: Path, tmp_path: Path) -> None:
    path = lay_out(tmp_path, bert, rows=60, metric="accuracy")
    with pytest.raises(RecipeError, match=r"train\.metric"):
        load_recipe(path)


def test_a_run_that_has_a_head_is_no_base_for_numbers(learned: Path, bert: Path) -> None:
    path = learned / "further.yaml"
    path.write_text(json.dumps(json.loads((learned / "recipe.yaml").read_text()) | {"model": "run:recipe"}))
    told, *_ = check_recipe(path).faults  # and of its data: it is the same again
    assert "begins with a new head" in told.problem.given
    with pytest.raises(RecipeError) as raised:
        run_stages(Context(load_recipe(path)), ["prepare"])
    assert raised.value.problems == (told.problem,)
