"""Answers by type: one type each, in time linear in their length, and balanced where the recipe says so."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.conversation import Conversation
from tunewright.data.response_types import TYPES, response_findings, response_type
from tunewright.data.trained_answers import trained_answers
from tunewright.recipe.balance import Oversample
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("I’m sorry, but I cannot assist with this request.", "refusal"),
        ("As an AI language model, I have no opinions.", "refusal"),
        ("I am unable to provide that.", "refusal"),
        ("Unfortunately, I will not discuss this.", "refusal"),
        ("I'm sorry to hear that your parcel is late. It will come on Monday.", "short"),
        ("I cannot find your order. Please send its number.", "short"),
        ("Sure:\n```python\nprint(1)\n```", "code"),
        ('{"name": "find", "arguments": {}}', "json"),
        ("[not json at all, just a bracket]", "short"),
        ("Try this:\n- first\n- second", "list"),
        ("1. one\n2) two\n", "list"),
        ("5. is one line", "short"),
        ("Could you tell me your order number?", "question"),
        ("Paris", "phrase"),
        ("", "phrase"),
        ("word " * 41, "medium"),
        ("word " * 151, "long"),
    ],
)
def test_each_answer_has_the_type_that_a_reader_would_give_it(answer: str, kind: str) -> None:
    assert response_type(answer) == kind


@law(200)
@given(st.text())
def test_any_text_has_one_known_type_whatever_blanks_surround_it(answer: str) -> None:
    assert response_type(answer) in TYPES
    assert response_type(f"  {answer}\n") == response_type(answer)


@pytest.mark.parametrize("piece", ["sorry, but ", "i'm sorry ", "- ", "-\n", "1. a\n", "{[", "```", " \t", "I can't "])
def test_no_text_takes_more_than_time_in_proportion_to_its_length(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        started = time.process_time()
        response_type(text)
        return time.process_time() - started

    short = min(seconds(50_000) for _ in range(3))
    long = min(seconds(400_000) for _ in range(3))
    assert long < 40 * max(short, 1e-3), "eight times the length takes about eight times as long"


def test_the_mixture_is_told_and_refusals_are_warned_of(tmp_path: Path) -> None:
    rows = [{"prompt": f"question {n}?", "answer": f"The answer to it is {n}."} for n in range(40)]
    rows += [{"prompt": f"bad question {n}?", "answer": f"I cannot help with that, {n}."} for n in range(8)]
    write_csv(tmp_path / "train.csv", rows, ("prompt", "answer"))
    spec = DataSpec(train="train.csv", input="prompt", target="answer")
    found = {f.kind: f for f in prepared(tmp_path, spec, task="text_to_text").profile.findings}
    assert found["response_types"].message == "answers by type: refusal 8, short 40"
    assert found["refusals"].severity == "warning"
    assert found["refusals"].rows[0] == "train.csv:42"


def test_answers_are_balanced_by_type_where_no_column_is_named(tmp_path: Path) -> None:
    rows = [{"prompt": f"question {n}", "answer": f"The answer to it is {n}."} for n in range(40)]
    rows += [{"prompt": f"number {n}", "answer": str(n)} for n in range(10)]
    write_csv(tmp_path / "train.csv", rows, ("prompt", "answer"))
    spec = DataSpec(train="train.csv", input="prompt", target="answer", balance=Oversample())
    found = prepared(tmp_path, spec, task="text_to_text")
    assert set(found.profile.balanced) == {"phrase", "short"}
    assert found.profile.balanced["phrase"][1] == found.profile.balanced["short"][0]


def test_a_call_that_says_nothing_beside_is_an_answer_of_json() -> None:
    calls = [{"type": "function", "function": {"name": "weather", "arguments": {}}}]
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "rain?"},
        {"role": "assistant", "content": " ", "tool_calls": calls},
        {"role": "tool", "content": "no"},
        {"role": "assistant", "content": "No."},
    ]
    said = Conversation(tuple(turns)).to_json()
    rows = pl.DataFrame({"messages": [said], "target": ["No."], "source": ["a.jsonl"], "line": [1]})
    assert trained_answers(rows)["answer"].to_list() == [json.dumps(calls), "No."]
    found = {f.kind: f for f in response_findings(rows)}
    assert found["response_types"].message == "answers by type: json 1, phrase 1"


def test_every_answer_of_a_conversation_counts_and_context_does_not() -> None:
    turns = [("assistant", "Hello!"), ("user", "a"), ("assistant", "I cannot help with that."), ("user", "b")]
    said = Conversation(tuple({"role": role, "content": text} for role, text in [*turns, ("assistant", "Yes.")]))
    rows = pl.DataFrame(
        {"messages": [None, said.to_json()], "target": ["It is.", "Yes."], "source": ["a.jsonl"] * 2, "line": [1, 2]}
    )
    assert trained_answers(rows).rows() == [(0, "It is."), (1, "I cannot help with that."), (1, "Yes.")]
    found = {f.kind: f for f in response_findings(rows)}
    assert found["response_types"].message == "answers by type: refusal 1, phrase 2"
    assert found["refusals"].rows == ("a.jsonl:2",)
