"""A task that is named is proposed for columns that would serve several, or refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from data_room import write_csv, write_jsonl

from tunewright.data.sniff import sniff

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A text with a label and an answer."""
    rows = [
        {
            "instruction": f"what became of my parcel number {n}",
            "intent": ("late", "lost")[n % 2],
            "response": f"we looked for parcel {n} and found it in the van",
        }
        for n in range(60)
    ]
    return write_jsonl(tmp_path / "several.jsonl", rows)


@pytest.mark.parametrize(
    ("task", "asked", "answered"),
    [
        ("classification", "instruction", "intent"),
        ("generation", "instruction", "response"),
        ("text_to_text", "instruction", "response"),
        ("language_modelling", None, None),
    ],
)
def test_the_columns_are_those_of_the_named_task(several: Path, task: str, asked: str, answered: str) -> None:
    found = sniff(several, task=task)
    assert found.task == task
    if asked is not None:
        assert found.input.column == asked
        assert found.target.column == answered
    else:
        assert found.input is not None
        assert found.target is None


@pytest.mark.parametrize("task", ["classification", "generation", "text_to_text"])
def test_a_task_that_the_columns_cannot_serve_is_refused_in_words(tmp_path: Path, task: str) -> None:
    texts = write_csv(tmp_path / "t.csv", [{"body": f"one more text of some words {n}"} for n in range(60)], ["body"])
    found = sniff(texts, task=task)
    assert found.task is None
    assert task in found.task_reason
