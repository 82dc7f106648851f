"""Laws of conversations that begin alike: no answer of a test is a trained turn of train or validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import WordsEncoder, law, prepared, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.conversation import Conversation, from_json
from tunewright.core.errors import DataError
from tunewright.data.clusters import cluster_ids
from tunewright.data.earlier import Earlier, leave_earlier_tests, lineage_of
from tunewright.data.keys import content_key
from tunewright.data.links import link_keys
from tunewright.data.lock import write_lock
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.turns import words_of
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tunewright.core.conversation import Turn

SPEC = DataSpec(train="t.jsonl")


def dialogue(number: int, answers: int) -> dict[str, Any]:
    """The first answers of a dialogue, as a record."""
    turns: list[dict[str, str]] = [{"role": "system", "content": "be kind"}]
    for n in range(answers):
        turns.append({"role": "user", "content": f"question {n} of {number}"})
        turns.append({"role": "assistant", "content": f"answer {n} to {number}"})
    return {"messages": turns}


def prefixes(numbers: Iterable[int]) -> list[dict[str, Any]]:
    """A record for each of the three prefixes of each dialogue."""
    return [dialogue(number, answers) for number in numbers for answers in (1, 2, 3)]


def trained(frame: pl.DataFrame) -> set[tuple[str, str]]:
    """Prompt and answer of every turn of the assistant's."""
    return {pair for text in frame["messages"] for pair in answered(from_json(text).turns)}


def answered(turns: tuple[Turn, ...]) -> Iterable[tuple[str, str]]:
    for number, turn in enumerate(turns):
        if turn["role"] == "assistant":
            yield Conversation(turns[:number]).to_json(), turn["content"]


def assert_apart(found: Prepared) -> None:
    test = trained(found.splits["test"])
    assert test
    for name in ("train", "validation"):
        assert not test & trained(found.splits[name])


def test_no_answer_of_a_carved_test_is_a_trained_turn(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", prefixes(range(40)))
    found = prepared(tmp_path, SPEC, task="generation")
    assert_apart(found)
    assert found.profile.kept == 120
    assert found.splits["test"].height == 24
    assert len(set(cluster_ids(found.splits["test"]))) == 8  # dialogues, for the statistics too


def test_a_new_row_that_goes_on_from_a_row_of_the_frozen_test_leaves(tmp_path: Path) -> None:
    records = [dialogue(number, 1) for number in range(40)]
    write_jsonl(tmp_path / "t.jsonl", records)
    first = prepared(tmp_path, SPEC, task="generation")
    write_lock(tmp_path / "tunewright.lock", first.lock)
    write_jsonl(tmp_path / "t.jsonl", [*records, *(dialogue(number, 3) for number in range(40))])
    second = prepared(tmp_path, SPEC, task="generation")
    assert_apart(second)
    assert trained(second.splits["test"]) == trained(first.splits["test"])
    assert second.profile.dropped == {"touches_test": 8}
    finding = next(f for f in second.profile.findings if f.kind == "touches_test")
    assert "(8 only by the prompt of an earlier answer of the conversation)" in finding.message


@pytest.mark.parametrize(("train", "test"), [(1, 3), (3, 1)])
def test_rows_that_share_a_beginning_with_the_users_own_test_leave(tmp_path: Path, train: int, test: int) -> None:
    write_jsonl(tmp_path / "t.jsonl", [dialogue(number, train) for number in range(40)])
    write_jsonl(tmp_path / "test.jsonl", [dialogue(number, test) for number in range(30, 50)])
    spec = DataSpec(train="t.jsonl", test="test.jsonl")
    found = prepared(tmp_path, spec, task="generation")
    assert_apart(found)
    assert found.profile.dropped == {"leak_test": 10}
    reported = prepared(tmp_path, spec.model_copy(update={"leaks": "report"}), task="generation")
    finding = next(f for f in reported.profile.findings if f.kind == "leak_test")
    assert (finding.severity, finding.count) == ("warning", 10)
    with pytest.raises(DataError, match="leak_test"):
        prepared(tmp_path, spec.model_copy(update={"leaks": "error"}), task="generation")


@pytest.mark.parametrize(("old", "new"), [(1, 3), (3, 1)])
def test_no_answer_of_an_earlier_test_is_a_trained_turn(tmp_path: Path, old: int, new: int) -> None:
    write_jsonl(tmp_path / "old.jsonl", [dialogue(number, old) for number in range(40)])
    first = prepared(tmp_path, DataSpec(train="old.jsonl"), task="generation").splits
    lineage = lineage_of("a", list(first.values()), None)
    earlier = Earlier("a", "generation", first["train"], first["test"], lineage, (), 0.5, 1, "")
    write_jsonl(tmp_path / "t.jsonl", [dialogue(number, new) for number in range(80)])
    lock = tmp_path / "tunewright.lock"
    request = Request(SPEC, StratifiedSplit(), "generation", tmp_path, lock, earlier=earlier)
    found = prepare(request, encoder=WordsEncoder())
    assert_apart(found)
    assert found.profile.replayed
    assert not trained(first["test"]) & trained(found.splits["train"])
    assert not trained(first["train"]) & trained(found.splits["test"])  # what the base was tuned on is no test
    assert found.profile.dropped == {"earlier_test": first["test"].height}


def test_a_grown_conversation_of_the_lineage_is_seen(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [dialogue(number, 3) for number in range(20)])
    splits = prepared(tmp_path, SPEC, task="generation").splits
    lineage = lineage_of("a", list(splits.values()), None)
    assert lineage.height == 3 * 20
    earlier = Earlier("a", "generation", splits["train"], splits["test"], lineage, (), 0.0, 1, "")
    rows = splits["train"].with_columns(frozen=pl.lit(value=False))
    assert leave_earlier_tests(rows, earlier)[0].kept["seen"].all()


WORDS = st.sampled_from(["hi", "yes", "no", "Hi!", "why"])


@law(100)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), st.booleans())
def test_the_link_keys_are_the_content_keys_of_all_prompts(pairs: list[tuple[str, str]], system: bool) -> None:
    turns: list[dict[str, str]] = [{"role": "system", "content": "be kind"}] if system else []
    for question, answer in pairs:
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    chat = Conversation(tuple(turns))
    said = words_of(chat)[0]
    assert said is not None
    frame = pl.DataFrame({"content_key": [content_key(said)], "messages": [chat.to_json()]})
    expected = {
        content_key("\n\n".join(turn["content"] for turn in turns[:number]))
        for number, turn in enumerate(turns)
        if turn["role"] == "assistant"
    }
    assert set(link_keys(frame)[0]) == expected


@pytest.mark.parametrize("under_system", [True, False])
def test_a_greeting_before_any_question_ties_no_conversations_together(tmp_path: Path, *, under_system: bool) -> None:
    greeting = {"role": "assistant", "content": "Hello, how can I help?"}
    records = []
    for number in range(40):
        system, *turns = dialogue(number, 2)["messages"]
        records.append({"messages": [*([system] if under_system else []), greeting, *turns]})
    write_jsonl(tmp_path / "t.jsonl", records)
    assert prepared(tmp_path, SPEC, task="generation").splits["test"].height == 8
