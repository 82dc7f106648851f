"""The tasks whose targets are texts: every shape of file to rows, no prompt in two splits, no record lost."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from data_room import WordsEncoder, law, prepared, write_csv, write_jsonl
from hypothesis import assume, given
from hypothesis import strategies as st
from token_room import RoomEncoder

from tunewright.core.conversation import from_json
from tunewright.core.errors import DataError, RecipeError
from tunewright.core.rows import DROPPED_COLUMNS, SPLIT_COLUMNS, SPLITS
from tunewright.data.lock import read_lock, write_lock
from tunewright.data.prepare import Prepared, Request, prepare
from tunewright.data.text_blocks import BLOCK_CHARACTERS, read_text
from tunewright.recipe.clean import CleanSpec
from tunewright.recipe.data import DataSpec, GroupSplit, StratifiedSplit, TimeSplit

NUMBERS = range(12)
QUESTION = "what comes after number {}"
ANSWER = "number {} does"

SHAPES: dict[str, list[dict[str, Any]]] = {
    "prompt/completion": [{"prompt": QUESTION.format(n), "completion": ANSWER.format(n)} for n in NUMBERS],
    "instruction/response": [{"instruction": QUESTION.format(n), "response": ANSWER.format(n)} for n in NUMBERS],
    "instruction/input/output": [
        {"instruction": QUESTION.format(n), "input": "", "output": ANSWER.format(n)} for n in NUMBERS
    ],
    "question/answer": [{"id": n, "question": QUESTION.format(n), "answer": ANSWER.format(n)} for n in NUMBERS],
    "messages": [
        {"messages": [
            {"role": "user", "content": QUESTION.format(n)},
            {"role": "assistant", "content": ANSWER.format(n)},
        ]}
        for n in NUMBERS
    ],
    "ShareGPT": [
        {"conversations": [{"from": "human", "value": QUESTION.format(n)}, {"from": "gpt", "value": ANSWER.format(n)}]}
        for n in NUMBERS
    ],
    "nested instances": [
        {"instruction": QUESTION.format(n), "instances": [{"input": "", "output": ANSWER.format(n)}]} for n in NUMBERS
    ],
}  # fmt: skip


def rows(found: Prepared) -> pl.DataFrame:
    return pl.concat(found.splits.values()).sort("line")


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_rows_without_a_word_in_the_recipe(tmp_path: Path, shape: str) -> None:
    write_jsonl(tmp_path / "train.jsonl", SHAPES[shape])
    found = prepared(tmp_path, DataSpec(train="train.jsonl"), task="generation")
    held = rows(found)
    assert tuple(held.columns) == SPLIT_COLUMNS
    assert held["input"].to_list() == [QUESTION.format(n) for n in NUMBERS]
    assert held["target"].to_list() == [ANSWER.format(n) for n in NUMBERS]
    for text, question, answer in held.select("messages", "input", "target").iter_rows():
        chat = from_json(text)
        assert [(t["role"], t["content"]) for t in chat.turns] == [("user", question), ("assistant", answer)]
    assert (found.profile.labels, found.profile.imbalance_ratio) == ((), None)
    assert all(split.labels == {} for split in found.profile.splits.values())


def test_several_instances_of_one_record_are_a_row_each(tmp_path: Path) -> None:
    instances = [{"input": f"case {n}", "output": ANSWER.format(n)} for n in NUMBERS]
    write_jsonl(tmp_path / "t.jsonl", [{"instruction": "do it", "instances": instances}])
    held = rows(prepared(tmp_path, DataSpec(train="t.jsonl"), task="generation"))
    assert sorted(held["input"]) == sorted(f"do it\n\ncase {n}" for n in NUMBERS)
    assert set(held["line"]) == {1}


def test_columns_are_joined_and_those_that_are_empty_are_skipped(tmp_path: Path) -> None:
    records = [{"a": f"ask {n}", "b": None if n % 2 else f"about {n}", "c": "", "d": ANSWER.format(n)} for n in NUMBERS]
    write_jsonl(tmp_path / "t.jsonl", records)
    spec = DataSpec(train="t.jsonl", input=["a", "b", "c"], target="d")
    expected = [f"ask {n}" if n % 2 else f"ask {n}\n\nabout {n}" for n in NUMBERS]
    for task in ("generation", "text_to_text"):
        assert rows(prepared(tmp_path, spec, task=task))["input"].to_list() == expected
    labelled = [{**record, "d": "xy"[n % 2]} for n, record in enumerate(records)]
    write_jsonl(tmp_path / "t.jsonl", labelled)
    (tmp_path / "tunewright.lock").unlink(missing_ok=True)
    assert rows(prepared(tmp_path, spec))["input"].to_list()[1] == "ask 1"


def test_system_texts_and_tools_stand_in_the_conversation(tmp_path: Path) -> None:
    tools = '[{"name": "add", "parameters": {}}]'
    records = [record | {"system": "be brief", "tools": tools} for record in SHAPES["prompt/completion"]]
    chats = [record | {"system": "be brief", "tools": tools} for record in SHAPES["ShareGPT"]]
    for name, held_records in (("pairs.jsonl", records), ("chats.jsonl", chats)):
        write_jsonl(tmp_path / name, held_records)
        held = rows(prepared(tmp_path, DataSpec(train=name), task="generation"))
        chat = from_json(held["messages"][0])
        assert [turn["role"] for turn in chat.turns] == ["system", "user", "assistant"]
        assert chat.tools == ({"name": "add", "parameters": {}},)
        assert held["input"][0] == "be brief\n\nwhat comes after number 0"


def test_text_pairs_have_no_conversation(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"en": f"one {n}", "de": f"eins {n}"} for n in NUMBERS], ("en", "de"))
    held = rows(prepared(tmp_path, DataSpec(train="t.csv", input="en", target="de"), task="text_to_text"))
    assert held["messages"].null_count() == held.height
    assert held["target"].to_list() == [f"eins {n}" for n in NUMBERS]


def test_raw_text_has_neither_conversation_nor_target(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"text": f"document {n}", "title": "x"} for n in NUMBERS])
    held = rows(prepared(tmp_path, DataSpec(train="t.jsonl"), task="language_modelling"))
    assert held["messages"].null_count() == held["target"].null_count() == held.height == len(NUMBERS)


CODE = "def f(x):\n    if x:\n\n        return  x\t# two  blanks\n"


def test_line_breaks_and_indentation_of_texts_are_left_alone(tmp_path: Path) -> None:
    records = [{"prompt": f" write  {n}:\n\n    x ", "completion": f"\n{CODE}{n}\u200b  "} for n in NUMBERS]
    write_jsonl(tmp_path / "t.jsonl", records)
    for task in ("generation", "text_to_text"):
        spec = DataSpec(train="t.jsonl", input="prompt", target="completion")
        found = prepared(tmp_path, spec, task=task)
        held = rows(found)
        assert held["target"].to_list() == [f"{CODE}{n}" for n in NUMBERS]
        assert held["input"].to_list() == [f"write  {n}:\n\n    x" for n in NUMBERS]
        assert found.profile.changed == {"control_character": 12, "whitespace": 12}
        as_it_is = spec.model_copy(update={"clean": CleanSpec(whitespace=False, control_characters=False)})
        untouched = prepared(tmp_path, as_it_is, task=task)
        assert untouched.profile.changed == {}
        assert rows(untouched)["target"].to_list() == [record["completion"] for record in records]


def test_of_raw_text_only_control_characters_are_removed(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"text": f"  {CODE}\u200b{n}\n\n"} for n in NUMBERS])
    held = rows(prepared(tmp_path, DataSpec(train="t.jsonl"), task="language_modelling"))
    assert held["input"].to_list() == [f"  {CODE}{n}\n\n" for n in NUMBERS]


PROMPTS = st.sampled_from([*(f"ask {n}" for n in range(9)), "Ask 1!", "", " ", "n/a"])
ANSWERS = st.sampled_from([None, "", "none", "yes", "no", "a  b", "c\u200b", "long " * 30])
PAIRS = st.fixed_dictionaries(
    {"prompt": PROMPTS, "completion": ANSWERS, "who": st.integers(0, 4), "at": st.integers(1, 9)}
)
KINDS = st.sampled_from(["random", "group", "time"])


@law(60)
@given(st.lists(PAIRS, max_size=30), st.lists(PAIRS, max_size=8), KINDS, st.booleans(), st.sampled_from(SPLITS[1:]))
def test_no_record_is_lost_and_no_prompt_stands_in_two_splits(
    messy: list[dict[str, Any]], other: list[dict[str, Any]], kind: str, own: bool, role: str
) -> None:
    sure = [{"prompt": f"sure {n}", "completion": "yes", "who": 100 + n, "at": n + 1} for n in range(12)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, records in (("train", messy + sure), (role, [*other, {**sure[0], "prompt": "sure test"}])):
            dated = [record | {"at": f"2024-01-{record['at']:02}"} for record in records]
            write_jsonl(folder / f"{file}.jsonl", dated)
        given_split = {role: f"{role}.jsonl"} if own else {}
        spec = DataSpec(train="train.jsonl", group="who" if kind == "group" else None, time="at", **given_split)
        split = {"random": StratifiedSplit(), "group": GroupSplit(), "time": TimeSplit()}[kind]
        try:
            found = prepared(folder, spec, split, max_tokens=16, task="generation")
        except DataError as fault:
            why = str(fault)
        else:
            why = ""
    if why:  # messy rows may tie all others together
        assert "has no rows" in why
        return
    dropped = found.dropped.filter(pl.col("action") == "dropped")
    assert found.profile.read == found.profile.kept + dropped.height
    assert found.profile.read == len(messy) + len(sure) + (len(other) + 1 if own else 0)
    assert tuple(found.dropped.columns) == DROPPED_COLUMNS
    keys = [set(found.splits[name]["content_key"]) for name in SPLITS]
    assert sum(map(len, keys)) == len(set().union(*keys))
    held = rows(found)
    assert held["target"].null_count() == held["input"].null_count() == 0
    assert held.select("content_key", "target", "split").filter(pl.col("split") != "test").is_unique().all()


def test_the_answers_to_one_prompt_are_kept_in_one_split(tmp_path: Path) -> None:
    records = [{"prompt": f"ask {n // 4}", "completion": f"answer {n}"} for n in range(80)]
    write_jsonl(tmp_path / "t.jsonl", records)
    found = prepared(tmp_path, DataSpec(train="t.jsonl"), task="generation")
    assert found.profile.kept == 80
    assert {name: part.height for name, part in found.splits.items()} == {"train": 56, "validation": 8, "test": 16}
    finding = next(f for f in found.profile.findings if f.kind == "several_answers")
    assert finding.message.startswith("20 prompts with several answers, in 80 rows")


def test_the_frozen_test_is_honoured_and_holds_no_answer_in_full(tmp_path: Path) -> None:
    records = SHAPES["prompt/completion"]
    write_jsonl(tmp_path / "t.jsonl", records)
    spec, lock = DataSpec(train="t.jsonl"), tmp_path / "tunewright.lock"
    first = prepared(tmp_path, spec, task="generation")
    write_lock(lock, first.lock)
    assert "does" not in lock.read_text()
    more = [{"prompt": f"more {n}", "completion": "yes"} for n in range(30)]
    write_jsonl(tmp_path / "t.jsonl", [*more, *reversed(records)])
    second = prepared(tmp_path, spec, task="generation")
    assert sorted(second.splits["test"]["input"]) == sorted(first.splits["test"]["input"])
    assert second.lock == read_lock(lock)
    tested = first.splits["test"]["input"][0]
    edited = [r | {"completion": "otherwise"} if r["prompt"] == tested else r for r in records]
    write_jsonl(tmp_path / "t.jsonl", edited)
    with pytest.raises(DataError, match="1 has another answer"):
        prepared(tmp_path, spec, task="generation")


TEXT = "".join(f"line {n} of a play, said by number {n % 7}\n" + "\n" * (n % 5 == 0) for n in range(2000))


@law(60)
@given(st.text(alphabet=st.sampled_from("ab \n\r\t\u2028é"), max_size=300), st.integers(1, 400))
def test_the_blocks_of_a_text_are_the_text(text: str, times: int) -> None:
    assume(text.strip())
    frame = read_text(text * times)
    blocks, lines = frame["text"].to_list(), frame["__line__"].to_list()
    assert "".join(blocks) == text * times
    before = ["".join(blocks[:n]).replace("\r\n", "\n").replace("\r", "\n") for n in range(len(blocks))]
    assert lines == [1 + given.count("\n") for given in before]
    assert all(block.strip() for block in blocks)


def test_the_last_stretches_of_a_text_are_held_back(tmp_path: Path) -> None:
    (tmp_path / "play.txt").write_text(TEXT)
    found = prepared(tmp_path, DataSpec(train="play.txt"), max_tokens=4096, task="language_modelling")
    assert "".join(part for name in SPLITS for part in found.splits[name]["input"]) == TEXT
    sizes = [found.splits[name].height for name in SPLITS]
    assert sizes[2] == round(0.2 * sum(sizes))
    assert all(BLOCK_CHARACTERS <= len(part) < BLOCK_CHARACTERS + 100 for part in found.splits["train"]["input"])
    finding = next(f for f in found.profile.findings if f.kind == "contiguous_split")
    assert f"test from line {found.splits['test']['line'][0]:,} on" in finding.message
    write_lock(tmp_path / "tunewright.lock", found.lock)
    (tmp_path / "play.txt").write_text(TEXT)
    again = prepared(tmp_path, DataSpec(train="play.txt"), max_tokens=4096, task="language_modelling")
    assert again.splits["test"].equals(found.splits["test"])


def test_a_text_and_its_own_test_file_are_used_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(TEXT)
    (tmp_path / "test.txt").write_text(TEXT.replace("line", "verse"))
    (tmp_path / "README.txt").write_text("notes")
    for spec in (DataSpec(train="train.txt", test="test.txt"), DataSpec(train=".")):
        found = prepared(tmp_path, spec, max_tokens=4096, task="language_modelling")
        assert "".join(found.splits["test"]["input"]) == TEXT.replace("line", "verse")
        assert found.splits["validation"]["line"].min() > found.splits["train"]["line"].max()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "task", "words"),
    [
        ("ShareGPT", "classification", "it looks like ShareGPT: 'conversations' holds from/value"),
        ("messages", "text_to_text", "it looks like messages: 'messages' holds role/content"),
        ("ShareGPT", "language_modelling", "it looks like ShareGPT: 'conversations' holds from/value"),
        ("prompt/completion", "classification", "it looks like prompt/completion"),
        ("prompt/completion", "language_modelling", "it looks like prompt/completion"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path: Path, name: str, task: str, words: str) -> None:
    write_jsonl(tmp_path / "t.jsonl", SHAPES[name])
    with pytest.raises(RecipeError) as caught:
        prepared(tmp_path, DataSpec(train="t.jsonl"), task=task)
    assert words in str(caught.value)


def test_columns_that_look_like_nothing_are_told_the_known_shapes(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"a": f"ask {n}", "b": f"answer {n}"} for n in NUMBERS])
    with pytest.raises(
        RecipeError, match="a known shape: messages, ShareGPT, instruction/input/output, prompt/complet"
    ):
        prepared(tmp_path, DataSpec(train="t.jsonl"), task="generation")


def test_raw_text_for_another_task_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(TEXT)
    for task, what in (("classification", "label"), ("generation", "answer"), ("text_to_text", "answer")):
        with pytest.raises(RecipeError, match=f"is raw text, which has no {what}"):
            prepared(tmp_path, DataSpec(train="t.txt"), task=task)


@pytest.mark.parametrize(
    ("task", "given", "words"),
    [
        ("classification", {"messages": "messages"}, "data.messages: is given, and the task is classification"),
        ("text_to_text", {"system": "messages"}, "data.system: is given, and the task is text_to_text"),
        ("generation", {"messages": "messages", "input": "messages"}, "data.messages and data.input"),
        ("language_modelling", {"input": "messages", "target": "messages"}, "raw text has no target"),
        ("generation", {"messages": "mesages"}, "did you mean 'messages'"),
        ("language_modelling", {"overlength": "window"}, ""),
        ("generation", {"overlength": "window"}, "'window' does not fit the task 'generation'"),
    ],
)
def test_fields_that_do_not_fit_the_task_are_refused(
    tmp_path: Path, task: str, given: dict[str, Any], words: str
) -> None:
    write_jsonl(tmp_path / "t.jsonl", SHAPES["messages"])
    with pytest.raises(RecipeError) as caught:
        prepared(tmp_path, DataSpec(train="t.jsonl", **given), task=task)
    assert words in str(caught.value)


def test_the_profile_says_how_many_tokens_are_trained(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", SHAPES["messages"])
    request = Request(DataSpec(train="t.jsonl"), StratifiedSplit(), "generation", tmp_path, tmp_path / "l")
    found = prepare(request, encoder=RoomEncoder())
    for name, split in found.profile.splits.items():
        assert split.trained_tokens == 4 * found.splits[name].height  # three words and the stop token
        assert split.trained_share == pytest.approx(4 / 13)
        assert split.lost_tokens == 0


def test_rows_whose_answer_would_be_cut_leave_and_those_of_the_test_stay(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", SHAPES["messages"])
    request = Request(DataSpec(train="t.jsonl"), StratifiedSplit(), "generation", tmp_path, tmp_path / "l")
    with pytest.raises(DataError, match="rows were dropped by overlength"):
        prepare(request, encoder=RoomEncoder(max_tokens=10))
    assert prepare(request, encoder=WordsEncoder(10)).profile.kept == len(NUMBERS)
