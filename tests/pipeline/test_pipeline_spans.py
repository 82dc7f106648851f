"""Token classification from the file to the prediction: it learns, and plain transformers gives the tags tested."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import torch
from pipeline_room import folder, run
from transformers import AutoModelForTokenClassification, AutoTokenizer, MarianConfig
from transformers import pipeline as plain_pipeline

from tiny_models import tiny_model
from tiny_room import CUES, LABELS, NOISE, tiny_recipe, write_recipe
from tunewright.core.encoded import RowContent
from tunewright.core.errors import RecipeError
from tunewright.core.spans import from_json, tag_names, to_json
from tunewright.data.loader import LoadPlan, load_steps
from tunewright.data.span_values import marked_spans
from tunewright.data.tokenize import encode_rows
from tunewright.models.encoders import tag_encoder
from tunewright.models.load import load_classifier
from tunewright.models.skeleton import require_tags
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.export import export_run
from tunewright.pipeline.init import propose
from tunewright.pipeline.init import write_recipe as write_proposed
from tunewright.pipeline.predict import predict_rows
from tunewright.recipe.load import load_recipe
from tunewright.tracking.events import read_events
from tunewright.training.reading_losses import tag_loss

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEXTS = ["word3 billing1 billing4 word9 delivery2", "word7 word1 word3"]


def marked_rows(count: int, *, seed: int = 3) -> list[dict[str, Any]]:
    """Words, and a tag for each: cue words stand in spans of one to three; some rows hold none."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        words, tags = [f"word{number % 150}"], ["O"]
        for label in draw.sample(LABELS, k=draw.randint(0, 2)):
            cues = draw.choices(CUES[label], k=draw.randint(1, 3))
            words += [*draw.choices(NOISE, k=draw.randint(1, 4)), *cues]
            tags += ["O"] * (len(words) - len(tags) - len(cues)) + [f"B-{label}"] + [f"I-{label}"] * (len(cues) - 1)
        rows.append({"tokens": [*words, *draw.choices(NOISE, k=3)], "tags": [*tags, "O", "O", "O"]})
    return rows


def lay_out(place: Path, base: Path | str, *, rows: int = 200, **train: Any) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in marked_rows(rows))
    (place / "marks.jsonl").write_text(lines, encoding="utf-8")
    recipe = tiny_recipe(base, **train) | {"task": "token_classification", "data": "marks.jsonl"}
    recipe["evaluation"] = {"resamples": 200}
    return write_recipe(place, recipe)


LONG: Mapping[str, Any] = {"epochs": 12.0, "optimizer": {"lr": 4e-3}, "evaluate_every": "epoch"}


@pytest.fixture(scope="module")
def learned(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run learned the spans; not to be changed."""
    project = tmp_path_factory.mktemp("spans")
    lay_out(project, bert, **LONG, checkpoint_every="epoch")
    run(project)
    return project


def plain_spans(model: Path, text: str) -> list[tuple[int, int, str]]:
    """What somebody gets who has transformers and never heard of tunewright."""
    tag = plain_pipeline("token-classification", model=str(model), aggregation_strategy="first", device="cpu")
    return [(found["start"], found["end"], found["entity_group"]) for found in tag(text)]


def test_it_learns_saves_reloads_and_plain_transformers_says_the_same(learned: Path) -> None:
    _, evaluations = read_events(folder(learned) / "training" / "events.jsonl")
    assert evaluations[-1].metrics["loss"] < 0.5 * evaluations[0].metrics["loss"]
    assert evaluations[-1].metrics["micro_f1"] > 0.8
    rows = predict_rows(folder(learned), texts=TEXTS, file=None, column=None)
    for row, text in zip(rows, TEXTS, strict=True):
        assert [(s.start, s.end, s.label) for s in row.spans] == plain_spans(folder(learned) / "model", text)
        assert all(text[s.start : s.end] == s.text and 0 < s.probability <= 1 for s in row.spans)
    assert {s.label for s in rows[0].spans} == {"billing", "delivery"}
    assert rows[1].spans == ()


def test_the_results_hold_every_system_with_each_label_and_paired_tests(learned: Path) -> None:
    results = json.loads((folder(learned) / "evaluation" / "results.json").read_text())
    scores = {system["name"]: system for system in results["systems"]}
    assert set(scores) == {"majority", "dictionary", "base", "tuned"}
    assert results["labels"] == sorted(LABELS)
    assert [each["label"] for each in scores["tuned"]["per_class"]] == sorted(LABELS)
    f1 = {name: system["metrics"]["micro_f1"]["value"] for name, system in scores.items()}
    assert f1["majority"] == 0
    assert f1["tuned"] > f1["dictionary"] > 0
    assert scores["majority"]["metrics"]["micro_precision"]["value"] is None
    assert all(c["p_value"] is not None for c in results["comparisons"])
    assert len(json.loads((folder(learned) / "gate" / "gate.json").read_text())["outcomes"]) == 3


def test_predictions_on_disk_are_those_of_the_frozen_rows(learned: Path) -> None:
    saved = pl.read_parquet(folder(learned) / "evaluation" / "predictions.parquet")
    test = pl.read_parquet(folder(learned) / "data" / "test.parquet")
    assert saved["row_id"].to_list() == test["row_id"].to_list()
    true = [tuple((s["start"], s["end"], s["label"]) for s in spans) for spans in saved["target"].to_list()]
    assert true == [from_json(target) for target in test["target"]]
    assert (saved["words_right"] <= saved["words"]).all()


def test_the_pages_show_the_labels_and_what_was_missed(learned: Path) -> None:
    page = (folder(learned) / "report" / "report.html").read_text()
    assert "Class by class" in page
    assert "What is taken for what" not in page
    card = (folder(learned) / "report" / "README.md").read_text()
    assert "marks spans of a text with one of 3 labels" in card
    assert "pipeline_tag: token-classification" in card
    assert 'aggregation_strategy="first"' in card


def test_a_file_of_words_is_answered_row_by_row(learned: Path) -> None:
    rows = predict_rows(folder(learned), texts=[], file=learned / "marks.jsonl", column="tokens")
    held = marked_rows(200)
    assert len(rows) == len(held)
    assert [row.text for row in rows] == [" ".join(row["tokens"]) for row in held]
    assert [row.line for row in rows] == list(range(1, 201))


def test_an_adapter_learns_is_laid_over_the_base_and_merges(bert: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, bert, rows=120, epochs=6.0, optimizer={"lr": 1e-2}, method={"kind": "lora"})
    outcome = run(tmp_path)
    assert outcome.results is not None
    before = [row.spans for row in predict_rows(folder(tmp_path), texts=TEXTS, file=None, column=None)]
    export_run(folder(tmp_path), to=tmp_path / "out", merge=True, adapter=False)
    merged = [plain_spans(tmp_path / "out", text) for text in TEXTS]
    assert [[(s.start, s.end, s.label) for s in spans] for spans in before] == merged


@pytest.mark.parametrize("family", ["distilbert", "roberta", "deberta-v2", "modernbert", "electra"])
def test_the_loss_is_that_of_transformers(bases: Any, tmp_path: Path, family: str) -> None:
    context = Context(load_recipe(lay_out(tmp_path / "p", bases(family))))
    encoder = tag_encoder(context.tokenizer, LABELS)
    rows = [row for row in marked_rows(12) if any(tag != "O" for tag in row["tags"])][:4]
    contents = [RowContent(" ".join(row["tokens"]), target=spans_text(row)) for row in rows]
    frame = pl.DataFrame(
        {
            "row_id": [str(n) for n in range(4)],
            "input": [row.input for row in contents],
            "messages": pl.Series([None] * 4, dtype=pl.String),
            "target": [row.target for row in contents],
        }
    )
    pad = context.tokenizer.special.pad
    model = load_classifier(bases(family), tag_names(LABELS), dropout=0.0, seed=1, problem=None, layout="tags").eval()
    step = next(load_steps(encode_rows(frame, encoder), LoadPlan(4, 10_000, 1, pad, layout="tags"), after=0))
    (batch,) = step.batches
    assert step.targets == sum(len(row["tokens"]) for row in rows)
    inputs = [torch.from_numpy(part) for part in (batch.input_ids_BT, batch.attention_mask_BT, batch.targets)]
    plain = model(input_ids=inputs[0], attention_mask=inputs[1], labels=inputs[2]).loss
    torch.testing.assert_close(tag_loss(model, batch, torch.device("cpu")) / step.targets, plain)
    smooth = tag_loss(model, batch, torch.device("cpu"), smoothing=0.1)
    assert not torch.isclose(smooth / step.targets, plain)


def spans_text(row: Mapping[str, Any]) -> str:
    return marked_spans(tuple(row["tokens"]), row["tags"]) or to_json(())


def test_texts_beyond_the_context_lose_no_word(bert: Path, tmp_path: Path) -> None:
    path = lay_out(tmp_path, bert, rows=60)
    rows = marked_rows(60)
    rows[3] = {"tokens": ["word1", "billing2", "word3"] * 20, "tags": ["O", "B-billing", "O"] * 20}
    (tmp_path / "marks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = {finding.kind: finding for finding in check_recipe(path).findings}
    assert "lose nothing" in told["windows"].message
    cut = {f.kind: f for f in check_recipe(path, ["data={train: marks.jsonl, overlength: truncate}"]).findings}
    assert "target token" in cut["targets_cut"].message


def test_init_and_check_need_no_hand_editing(bert: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, bert)
    write_proposed(propose(tmp_path / "marks.jsonl", tmp_path / "own.yaml", model=str(bert)), force=False)
    assert load_recipe(tmp_path / "own.yaml").recipe.task == "token_classification"
    assert check_recipe(tmp_path / "own.yaml").errors == 0


DATA: Mapping[str, Any] = {"train": "marks.jsonl"}
REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a metric of one class a row": (
        {"gate": {"conditions": [{"kind": "better_than", "metric": "accuracy"}]}},
        "accuracy",
    ),
    "retention": ({"gate": {"conditions": [{"kind": "retention"}]}}, "retention"),
    "a review of labels": ({"data": {**DATA, "label_issues": {"kind": "relabel", "file": "x.csv"}}}, "about labels"),
    "balance without a column": ({"data": {**DATA, "balance": {"kind": "oversample"}}}, "names no column"),
    "packing": ({"train": {"packing": True}}, "do not pack"),
    "a cache of frozen layers": (
        {"train": {"prefix_cache": True, "method": {"kind": "top_layers", "layers": 1}}},
        "'tags' are not cached",
    ),
    "the mean of a text": ({"model": {"name": "base", "reads": "mean"}}, "'mean', and the task is"),
    "a baseline of texts": ({"evaluation": {"baselines": ["tfidf_linear", "probe"]}}, "does not have"),
    "no simple system to beat": ({"evaluation": {"baselines": ["probe"]}}, "alone"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_means_nothing_to_spans_is_refused_by_check(bert: Path, tmp_path: Path, case: str) -> None:
    changes, words = REFUSED[case]
    path = lay_out(tmp_path, bert, rows=60)
    (tmp_path / "base").symlink_to(bert)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    faults = [str(fault.problem) for fault in check_recipe(path).faults]
    assert any(words in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": {"class_weights": {"kind": "inverse"}}}, "gives classes to words"),
        ({"train": {"focal": 2}}, "gives classes to words"),
        ({"train": {"r_drop": 1}}, "gives classes to words"),
        ({"train": {"teacher": {"kind": "probe"}}}, "gives classes to words"),
        ({"train": {"metric": "accuracy"}}, r"train\.metric"),
        ({"train": {"early_stopping": {"min_delta": "auto"}}}, "no standard error"),
        ({"evaluation": {"threshold": 0.4}}, r"evaluation\.threshold"),
        ({"data": {**DATA, "label_delimiter": ";"}}, "label_delimiter"),
        ({"data": {**DATA, "augment": {"methods": [{"kind": "casing"}]}}}, r"data\.augment"),
        ({"data": {**DATA, "clean": {"html": True}}}, r"data\.clean\.html"),
        ({"data": {**DATA, "clean": {"replace": {"teh": "the"}}}}, r"data\.clean\.replace"),
        ({"data": {**DATA, "privacy": {"email": "mask"}}}, r"data\.privacy masks email"),
    ],
)
def test_fields_of_other_tasks_are_refused_naming_both(
    bert: Path, tmp_path: Path, changes: Mapping[str, Any], words: str
) -> None:
    path = lay_out(tmp_path, bert, rows=20)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(RecipeError, match=words):
        load_recipe(path)


def test_switches_that_are_off_anyway_may_be_written(bert: Path, tmp_path: Path) -> None:
    path = lay_out(tmp_path, bert, rows=20)
    off = {"whitespace": False, "html": False, "unicode": "off", "control_characters": False}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": {**DATA, "clean": off}}))
    assert load_recipe(path).recipe.data.clean.html is False


def test_a_causal_base_is_refused_for_it_sees_no_word_behind(tmp_path: Path) -> None:
    path = lay_out(tmp_path / "p", tiny_model("llama", tmp_path), rows=60)
    (fault,) = check_recipe(path).faults
    assert fault.problem.place == "model.name"
    assert "family encoder for token_classification" in fault.problem.expected


def test_an_architecture_without_a_head_for_tokens_is_refused(bert: Path, tmp_path: Path) -> None:
    MarianConfig().save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match="no head for tokens"):
        require_tags(tmp_path, "tags")
    require_tags(tmp_path, "classes")
    require_tags(bert, "tags")


def test_a_run_of_spans_is_no_base_for_another_head(learned: Path, tmp_path: Path) -> None:
    path = learned / "next.yaml"
    again = json.loads((learned / "recipe.yaml").read_text()) | {"model": "run:recipe"}
    path.write_text(json.dumps(again))
    assert "begins with a new head" in " ".join(str(fault.problem) for fault in check_recipe(path).faults)


def test_the_folder_is_in_hugging_face_layout(learned: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(folder(learned) / "model")
    assert tuple(model.config.id2label[n] for n in range(7)) == tag_names(sorted(LABELS))
    assert AutoTokenizer.from_pretrained(folder(learned) / "model").is_fast
