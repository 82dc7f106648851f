"""What is saved is what was trained: plain transformers and the pipeline give the same answer, for every family."""

from __future__ import annotations

import errno
import json
import random
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
import torch
from pipeline_room import accuracy, folder, hashes, run, run_stage
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import tunewright
from tiny_room import ENCODERS, LABELS, lay_out, save_base, ticket_rows, write_tickets
from tunewright.core.errors import RunError
from tunewright.pipeline.predict import load_classifier, predict_rows
from tunewright.tracking.events import read_events
from tunewright.training import checkpoint
from tunewright.training.checkpoint import read_progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOLERANCE = 1e-5
TEXTS = [row["text"] for row in ticket_rows(9, seed=8)]


def plain_probabilities(model: Path, texts: list[str]) -> np.ndarray:
    """What somebody gets who has transformers and never heard of tunewright."""

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(model).eval()
    batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True)
    names = {"input_ids", "attention_mask"}
    with torch.inference_mode():
        logits = network(**{name: value for name, value in batch.items() if name in names}).logits
    assert [network.config.id2label[n] for n in range(len(LABELS))] == sorted(LABELS)
    assert network.config.label2id == {label: n for n, label in enumerate(sorted(LABELS))}
    return logits.softmax(-1).numpy()


@pytest.mark.parametrize("kind", sorted(ENCODERS))
def test_a_family_trains_saves_reloads_and_predicts_the_same(
    bases: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    outcome = tunewright.run(lay_out(tmp_path, bases(kind), rows=90, epochs=1.0))
    model = outcome.folder / "model"
    assert [p.name for p in model.iterdir() if p.suffix not in {".json", ".jinja"}] == ["model.safetensors"]
    texts = [*TEXTS, " ".join(TEXTS)]  # the last is longer than the context, and is cut alike
    ours = load_classifier(outcome.folder)
    np.testing.assert_allclose(ours.probabilities(texts), plain_probabilities(model, texts), atol=TOLERANCE)
    rows = predict_rows(model, texts=TEXTS, file=None, column=None)
    assert [row.text for row in rows] == TEXTS
    assert all(row.label == max(row.probabilities, key=row.probabilities.__getitem__) for row in rows)


def test_the_tuned_model_gives_the_predictions_that_were_evaluated(finished: Path) -> None:

    predicted = pl.read_parquet(folder(finished) / "evaluation" / "predictions.parquet")
    test = pl.read_parquet(folder(finished) / "data" / "test.parquet")
    texts = dict(zip(test["row_id"], test["input"], strict=True))
    model = load_classifier(folder(finished))
    found = model.probabilities([texts[row] for row in predicted["row_id"]])
    saved = predicted.select(f"p:{label}" for label in model.labels).to_numpy()
    np.testing.assert_allclose(found, saved, atol=TOLERANCE)


def test_the_model_is_the_best_checkpoint(finished: Path) -> None:

    outcome = json.loads((folder(finished) / "training" / "outcome.json").read_text())
    (checkpoint,) = (folder(finished) / "training" / "checkpoints").iterdir()
    progress = read_progress(checkpoint)
    assert progress is not None
    assert progress.step == progress.best_step == outcome["best_step"]
    model = load_file(folder(finished) / "model" / "model.safetensors")
    weights = load_file(checkpoint / "weights.safetensors")
    assert weights.keys() <= model.keys()
    for name, weight in weights.items():
        assert torch.equal(model[name], weight), name
    metrics = [
        json.loads(line)
        for line in (folder(finished) / "training" / "events.jsonl").read_text().splitlines()
        if '"evaluation"' in line
    ]
    best = max(metrics, key=lambda event: event["metrics"]["accuracy"])
    assert outcome["best_value"] == best["metrics"]["accuracy"]


def test_a_model_that_was_altered_is_not_used(finished: Path) -> None:
    weights = folder(finished) / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(RunError, match="not the model that was trained"):
        load_classifier(folder(finished))


def test_frozen_weights_leave_the_run_as_they_came(prepared_project: Path, bert: Path) -> None:

    run_stage(prepared_project, ["train"], ["train.method={kind: top_layers, layers: 1}"])
    base = load_file(bert / "model.safetensors")
    tuned = load_file(folder(prepared_project) / "model" / "model.safetensors")
    moved = {name for name, weight in base.items() if not torch.equal(tuned[f"bert.{name}"], weight)}
    assert moved
    assert all(name.startswith(("encoder.layer.1.", "pooler.")) for name in moved)
    (checkpoint,) = (folder(prepared_project) / "training" / "checkpoints").iterdir()
    saved = load_file(checkpoint / "weights.safetensors")
    assert all(name.startswith(("bert.encoder.layer.1.", "bert.pooler.", "classifier.")) for name in saved)


def test_the_same_recipe_twice_gives_the_same_bytes_and_another_seed_others(finished: Path) -> None:
    model, events = folder(finished) / "model", folder(finished) / "training" / "events.jsonl"
    first = (hashes(model), events.read_bytes())
    run_stage(finished, ["prepare", "train"], ["name=again"])
    again = finished / "runs" / "again"
    assert (hashes(again / "model"), (again / "training" / "events.jsonl").read_bytes()) == first
    run_stage(finished, ["prepare", "train"], ["name=other", "seed=14"])
    other = finished / "runs" / "other"
    assert (other / "training" / "events.jsonl").read_bytes() != first[1]
    assert hashes(other / "model")["model.safetensors"] != first[0]["model.safetensors"]


def test_a_library_call_needs_no_observer_and_its_record_holds_every_step(finished: Path) -> None:

    steps, evaluations = read_events(folder(finished) / "training" / "events.jsonl")
    assert [step.step for step in steps] == list(range(1, 23))
    assert [evaluation.step for evaluation in evaluations] == [5, 10, 15, 20, 22]
    assert steps[-1].epoch == 2.0
    assert {step.examples for step in steps} == {8, 4}
    assert all(step.seconds > 0 for step in steps)


LEARNS = {"epochs": 14.0, "optimizer": {"lr": 3e-3}, "evaluate_every": "epoch", "checkpoint_every": "epoch"}


def learnable(base: Path, tmp_path: Path, *, permuted: bool) -> Path:

    recipe = lay_out(tmp_path, base, **LEARNS)
    rows = ticket_rows(240)
    if permuted:
        labels = [row["label"] for row in rows]
        random.Random(1).shuffle(labels)
        rows = [{**row, "label": label} for row, label in zip(rows, labels, strict=True)]
    write_tickets(tmp_path / "tickets.csv", rows)
    return recipe


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random base with larger weights, which learns within seconds."""

    return save_base(tmp_path_factory.mktemp("lively") / "bert", initializer_range=0.2)


def test_true_labels_are_learnt(lively: Path, tmp_path: Path) -> None:
    found = accuracy(tunewright.run(learnable(lively, tmp_path, permuted=False)))
    assert found.low > 1 / 3, found


def test_permuted_labels_send_the_accuracy_to_chance(lively: Path, tmp_path: Path) -> None:
    """The same texts with shuffled labels: chance lies within the interval, which is what rules a leak out."""
    outcome = tunewright.run(learnable(lively, tmp_path, permuted=True))
    found = accuracy(outcome)
    assert found.n == 48
    assert found.low <= 1 / 3 <= found.high, found
    assert outcome.gate.verdict != "ship"


def test_early_stopping_ends_a_run_and_the_best_stays(prepared_project: Path) -> None:
    stopping = ["train.epochs=20.0", "train.optimizer.lr=1e-7", "train.early_stopping={patience: 2}"]
    run_stage(prepared_project, ["train"], stopping)
    outcome = json.loads((folder(prepared_project) / "training" / "outcome.json").read_text())
    assert "early stopping" in outcome["reason"]
    assert outcome["steps"] == outcome["best_step"] + 2 * 5
    assert outcome["steps"] < 220
    (checkpoint,) = (folder(prepared_project) / "training" / "checkpoints").iterdir()
    assert checkpoint.name == f"step-{outcome['best_step']:08d}"


def test_a_full_disk_stops_the_run_with_exit_4_and_it_goes_on_where_it_stood(
    prepared_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    whole = checkpoint.save_file
    saves: list[int] = []

    def fills_up(*arguments: object, **named: object) -> None:
        saves.append(1)
        if len(saves) > 6:  # two files a checkpoint
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", fills_up)
        with pytest.raises(RunError, match="no space left") as raised:
            run_stage(prepared_project, ["train"])
    assert raised.value.exit_code == 4
    heard: list[str] = []
    run_stage(prepared_project, ["train"], say=heard.append)
    assert any("resuming after step" in line for line in heard)
    events = (folder(prepared_project) / "training" / "events.jsonl").read_bytes()
    run_stage(prepared_project, ["prepare", "train"], ["name=unbroken"])
    assert (prepared_project / "runs" / "unbroken" / "training" / "events.jsonl").read_bytes() == events


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_a_short_run_works_on_a_gpu(bert: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, bert, precision="auto", epochs=1.0)
    outcome = run(tmp_path)
    resolved = json.loads((outcome.folder / "resolved.json").read_text())["resolved"]
    assert resolved["device"] == "cuda"
    for stage in ("baseline", "evaluation"):
        assert json.loads((outcome.folder / stage / "manifest.json").read_text())["declares"]["device"] == "cuda"
    model = load_classifier(outcome.folder)
    assert {p.device.type for p in model._model.parameters()} == {"cuda"}
    assert np.isfinite(model.probabilities(TEXTS)).all()
