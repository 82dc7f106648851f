"""What `init` proposes: task, columns and reasons, of made files and of public ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from data_room import public_data, tickets, write_jsonl
from test_data_texts import SHAPES, TEXT
from token_room import RoomEncoder

from tunewright.data.prepare import Request, prepare
from tunewright.data.sniff import Sniffed, sniff
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.encoded import Layout

FIELDS = ("input", "target", "messages", "system", "tools", "group", "id")
LAYOUTS: dict[str, Layout] = {"classification": "classes", "text_to_text": "seq2seq"}


def columns(found: Sniffed) -> dict[str, Any]:
    """The proposed columns as a recipe says them."""
    return {field: proposal.value for field in FIELDS if (proposal := getattr(found, field)) is not None}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_proposed_as_generation(tmp_path: Path, shape: str) -> None:
    found = sniff(write_jsonl(tmp_path / "t.jsonl", SHAPES[shape]))
    assert (found.task, found.labels) == ("generation", {})
    first = next(iter(SHAPES[shape][0]))
    named = columns(found)
    assert first in named.values() or first == named.get("id") or [first, "input"] in named.values()


def test_pairs_are_proposed_for_a_base_that_is_made_for_them(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", SHAPES["question/answer"])
    assert sniff(path).task == "generation"
    assert any("text_to_text" in sentence for sentence in sniff(path).alternatives)
    found = sniff(path, family="seq2seq")
    assert (found.task, columns(found)) == ("text_to_text", {"input": "question", "target": "answer", "id": "id"})
    assert sniff(write_jsonl(tmp_path / "c.jsonl", SHAPES["messages"]), family="seq2seq").task == "generation"


def test_labels_win_over_pairs_and_an_instruction_wins_over_a_category(tmp_path: Path) -> None:
    labelled = [{**row, "reply": f"we answer to number {n} at once"} for n, row in enumerate(tickets(60))]
    found = sniff(write_jsonl(tmp_path / "t.jsonl", labelled))
    assert (found.task, columns(found)) == ("classification", {"input": "text", "target": "label"})
    assert any("'reply' holds texts that a model could learn to write" in sentence for sentence in found.alternatives)
    taught = [
        {"instruction": f"please do thing {n}", "context": "", "response": f"done, thing {n}", "category": "ab"[n % 2]}
        for n in range(60)
    ]  # fmt: skip
    found = sniff(write_jsonl(tmp_path / "t.jsonl", taught))
    assert (found.task, columns(found)) == ("generation", {"input": "instruction", "target": "response"})
    assert "'category' could be a label: task classification" in found.alternatives


def test_raw_text_is_proposed_as_language_modelling(tmp_path: Path) -> None:
    (tmp_path / "play.txt").write_text(TEXT)
    found = sniff(tmp_path / "play.txt")
    assert (found.task, columns(found), found.format) == ("language_modelling", {"input": "text"}, "text")


@pytest.mark.datasets
@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("alpaca_zh_demo/alpaca_zh_demo.jsonl", "generation", {"input": ["instruction", "input"], "target": "output"}),
        ("glaive_toolcall_demo/glaive_toolcall.jsonl", "generation", {"messages": "conversations", "tools": "tools"}),
        ("gsm8k/test.jsonl", "generation", {"input": "question", "target": "answer"}),
        (
            "self_instruct_seed/seed_tasks.jsonl",
            "generation",
            {"input": ["instruction", "input"], "target": "output", "id": "id"},
        ),
        ("legal_plain_english/legal.jsonl", "generation", {"input": "document", "target": "summary", "id": "id"}),
        (
            "pubmedqa_l/train.jsonl",
            "classification",
            {"input": ["question", "context"], "target": "label", "id": "id"},
        ),
        ("dolly_6k/dolly_6k.jsonl", "generation", {"input": "instruction", "target": "response"}),
        ("e2e_nlg/dev.jsonl", "generation", {"input": "mr", "target": "ref"}),
        ("nusax_mt/train.jsonl", "generation", {"input": "en", "target": "id"}),
        ("classic_prose/part_09.jsonl", "language_modelling", {"input": "text", "group": "author"}),
        ("classic_prose/validation.jsonl", "language_modelling", {"input": "text", "group": "author"}),
        ("tinyshakespeare/input.txt", "language_modelling", {"input": "text"}),
        ("wikitext2_valid_test/valid.txt", "language_modelling", {"input": "text"}),
        ("web_and_wiki_demo/c4_demo.jsonl", "language_modelling", {"input": "text"}),
    ],
)
def test_public_files_are_proposed_and_prepared_without_editing(
    tmp_path: Path, name: str, task: str, expected: dict[str, Any]
) -> None:
    found = sniff(name, folder=public_data())
    assert (found.task, columns(found)) == (task, expected)
    spec = DataSpec(train=name, **columns(found))
    request = Request(spec, StratifiedSplit(), task, public_data(), tmp_path / "tunewright.lock")
    layout = LAYOUTS.get(task, "causal")
    encoder = RoomEncoder(layout, max_tokens=4096) if task != "classification" else Unlabelled(max_tokens=4096)
    made = prepare(request, encoder=encoder)
    assert made.profile.read == made.profile.kept + sum(made.profile.dropped.values())
    assert made.profile.kept > 0.75 * made.profile.read
    keys = [set(rows["content_key"]) for rows in made.splits.values()]
    assert sum(map(len, keys)) == len(set().union(*keys))
    if task != "classification":
        assert all(split.trained_tokens for split in made.profile.splits.values())


@pytest.mark.datasets
def test_a_translation_is_a_text_pair_for_a_base_made_for_it() -> None:
    found = sniff("nusax_mt/train.jsonl", folder=public_data(), family="seq2seq")
    assert (found.task, columns(found)) == ("text_to_text", {"input": "en", "target": "id"})


class Unlabelled(RoomEncoder):
    """Of classes, whatever their labels."""

    def __init__(self, max_tokens: int) -> None:
        super().__init__("classes", max_tokens)
