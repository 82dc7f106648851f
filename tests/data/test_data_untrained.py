"""Data for tasks that are not trained is named, and never misread as something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from data_room import write_csv, write_jsonl

from tunewright.core.errors import RecipeError
from tunewright.data.sniff import sniff
from tunewright.pipeline.init import propose

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [f"this is message number {n} about one of many things" for n in range(60)]
LABELS = ("billing", "refund", "late", "broken app")


def several(n: int) -> list[str]:
    return list(LABELS[n % 4 : n % 4 + 1 + n % 3])


def turns(text: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "numbered tags": (
        [{"id": str(n), "tokens": t.split(), "ner_tags": [n % 3] * len(t.split())} for n, t in enumerate(TEXTS)],
        "token classification",
    ),
}


MARKED: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "spans by offsets": (
        [{"text": t, "spans": [{"start": 0, "end": 4, "label": "X"}] * (n % 2)} for n, t in enumerate(TEXTS)],
        "text",
        "spans",
    ),
    "spans by triples": ([{"text": t, "entities": [[0, 4, "X"]]} for t in TEXTS], "text", "entities"),
    "BIO tags": (
        [{"tokens": t.split(), "tags": ["B-X", *["O"] * (len(t.split()) - 1)]} for t in TEXTS],
        "tokens",
        "tags",
    ),
}


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("task", [None, "token_classification"])
def test_spans_and_tags_are_proposed_with_their_texts(name: str, task: Any, tmp_path: Path) -> None:
    rows, text, marks = MARKED[name]
    write_jsonl(tmp_path / "t.jsonl", rows)
    found = sniff("t.jsonl", folder=tmp_path, task=task)
    assert found.task == "token_classification"
    assert found.input is not None
    assert found.target is not None
    assert (found.input.column, found.target.column) == (text, marks)
    assert not [finding for finding in found.findings if finding.kind == "untrained_task"]


SEVERAL: dict[str, tuple[list[dict[str, Any]], str, str | None]] = {
    "lists": ([{"text": t, "labels": several(n)} for n, t in enumerate(TEXTS)], "labels", None),
    "divided by ;": ([{"text": t, "label": ";".join(several(n))} for n, t in enumerate(TEXTS)], "label", ";"),
    "divided by |": ([{"text": t, "topic": "|".join(several(n))} for n, t in enumerate(TEXTS)], "topic", "|"),
    "tags divided by ,": ([{"text": t, "tags": ", ".join(several(n))} for n, t in enumerate(TEXTS)], "tags", ","),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_labels_a_row_are_proposed_with_what_divides_them(name: str, tmp_path: Path) -> None:
    rows, column, delimiter = SEVERAL[name]
    path = tmp_path / ("t.jsonl" if delimiter is None else "t.csv")
    _ = write_jsonl(path, rows) if delimiter is None else write_csv(path, rows, tuple(rows[0]))
    found = sniff(path)
    assert (found.task, found.label_delimiter) == ("multilabel", delimiter)
    assert found.target is not None
    assert found.target.column == column
    assert not [finding for finding in found.findings if finding.kind == "untrained_task"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_shape_that_is_not_trained_is_named_with_what_can_be_done(name: str, tmp_path: Path) -> None:
    rows, task = REFUSED[name]
    flat = all(isinstance(value, str) for value in rows[0].values())
    path = tmp_path / ("t.csv" if flat else "t.jsonl")
    _ = write_csv(path, rows, tuple(rows[0])) if flat else write_jsonl(path, rows)
    with pytest.raises(RecipeError) as raised:
        propose(path, tmp_path / "r.yaml")
    (problem,) = raised.value.problems
    assert task in problem.given
    assert "by name" in problem.given
    assert problem.remedy


@pytest.mark.parametrize(
    ("rows", "task", "columns"),
    [
        (
            [{"prompt": t, "chosen": f"{t} indeed", "rejected": f"{t} never"} for t in TEXTS],
            "generation",
            ("prompt", "chosen", None),
        ),
        (
            [{"prompt": t, "chosen": turns(t, "yes"), "rejected": turns(t, "no")} for t in TEXTS],
            "generation",
            (None, None, "chosen"),
        ),
        (
            [{"chosen": f"{t} indeed", "rejected": f"{t} never"} for t in TEXTS],
            "language_modelling",
            ("chosen", None, None),
        ),
    ],
)
def test_the_better_answers_of_preference_pairs_can_be_learned(
    rows: list[dict[str, Any]], task: str, columns: tuple[str | None, ...], tmp_path: Path
) -> None:
    write_jsonl(tmp_path / "t.jsonl", rows)
    found = sniff("t.jsonl", folder=tmp_path)
    assert found.task == task
    assert tuple(held and held.column for held in (found.input, found.target, found.messages)) == columns
    (told,) = (finding for finding in found.findings if finding.kind == "untrained_task")
    assert "preference tuning" in told.message
    assert "'rejected' is not used" in told.remedy


def test_one_column_of_flags_is_a_label_and_all_of_them_are_told_of(tmp_path: Path) -> None:
    rows = [{"comment": t, "rude": n % 2, "threat": n // 2 % 2, "spam": n // 4 % 2} for n, t in enumerate(TEXTS)]
    write_csv(tmp_path / "t.csv", rows, ("comment", "rude", "threat", "spam"))
    found = sniff("t.csv", folder=tmp_path)
    assert found.task == "classification"
    (told,) = (finding for finding in found.findings if finding.kind == "untrained_task")
    assert "'rude', 'threat', 'spam'" in told.message


@pytest.mark.parametrize("pair", [("Late, again", "Billing, wrong"), ("a;b", "c;d"), ("x|y", "z")])
def test_a_label_with_a_mark_inside_is_one_label(pair: tuple[str, str], tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"text": t, "label": pair[n % 2]} for n, t in enumerate(TEXTS)])
    found = sniff("t.csv", folder=tmp_path)
    assert found.task == "classification"
    assert not [finding for finding in found.findings if finding.kind == "untrained_task"]


def test_lists_of_one_label_are_labels(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"text": t, "labels": [LABELS[n % 4]]} for n, t in enumerate(TEXTS)])
    found = sniff("t.jsonl", folder=tmp_path)
    assert found.target is not None
    assert found.target.column == "labels[0]"
