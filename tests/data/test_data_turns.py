"""Conversations of every shape read into turns, and every fault of one told by file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import prepared, write_jsonl

from tunewright.core.conversation import from_json
from tunewright.core.errors import DataError, RecipeError
from tunewright.data.turns import conversation_of, gaps, tools_of, words_of
from tunewright.data.unfit import Unfit
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

ASK = {"role": "user", "content": "what is two and two"}
ANSWER = {"role": "assistant", "content": "four"}
GREETING = {"role": "assistant", "content": "welcome"}
HUMAN = {"from": "human", "value": "what is two and two"}
GPT = {"from": "gpt", "value": "four"}
CALL = {"name": "add", "arguments": {"a": 2, "b": 2}}
NESTED = [{"id": "c1", "type": "function", "function": CALL}]
TOOL = {"role": "tool", "content": "4"}
TURNS = [("user", ASK["content"]), ("assistant", "four")]

SHAPES: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "messages": ([ASK, ANSWER], TURNS),
    "ShareGPT": ([HUMAN, GPT], TURNS),
    "JSON text": (json.dumps([HUMAN, GPT]), TURNS),
    "system": ([{"role": "system", "content": "be brief"}, ASK, ANSWER], [("system", "be brief"), *TURNS]),
    "ShareGPT system": ([{"from": "system", "value": "be brief"}, HUMAN, GPT], [("system", "be brief"), *TURNS]),
    "an empty system text": ([{"role": "system", "content": ""}, ASK, ANSWER], TURNS),
    "developer": ([{"role": "developer", "content": "be brief"}, ASK, ANSWER], [("system", "be brief"), *TURNS]),
    "text parts": ([{"role": "user", "content": [{"type": "text", "text": "what is "}, {"text": "it"}]}, ANSWER],
                   [("user", "what is it"), ("assistant", "four")]),
    "tool calls": ([ASK, {"role": "assistant", "content": None, "tool_calls": NESTED}, TOOL, ANSWER],
                   [("user", ASK["content"]), ("assistant", ""), ("tool", "4"), ("assistant", "four")]),
    "ShareGPT calls": (
        [HUMAN, {"from": "function_call", "value": json.dumps(CALL)}, {"from": "observation", "value": "4"}, GPT],
        [("user", ASK["content"]), ("assistant", json.dumps(CALL)), ("tool", "4"), ("assistant", "four")],
    ),
    "several rounds": ([ASK, ANSWER, ASK, ANSWER], TURNS * 2),
    "roles in capitals": ([ASK | {"role": "User"}, ANSWER | {"role": "Assistant"}], TURNS),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_read_into_the_same_turns(shape: str) -> None:
    given, expected = SHAPES[shape]
    read = conversation_of(given)
    assert [(turn["role"], turn["content"]) for turn in read.turns] == expected
    assert from_json(read.to_json()) == read
    assert gaps(read) == ()


def test_arguments_as_text_or_object_give_the_same_call() -> None:
    texts = [{"function": CALL | {"arguments": json.dumps(CALL["arguments"])}}]
    for calls in (NESTED, texts, [CALL]):
        turn = conversation_of([ASK, {"role": "assistant", "content": None, "tool_calls": calls}]).turns[1]
        assert turn["tool_calls"][0]["function"] == CALL
    legacy = conversation_of([ASK, {"role": "assistant", "content": None, "function_call": CALL}]).turns[1]
    assert legacy["tool_calls"][0]["function"] == CALL


def test_a_tool_says_which_call_it_answers() -> None:
    said = TOOL | {"tool_call_id": "abcdefghi", "name": "add"}
    turn = conversation_of([ASK, {"role": "assistant", "content": None, "tool_calls": NESTED}, said, ANSWER]).turns[2]
    assert turn == said


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_thoughts_beside_the_content_are_refused_and_never_lost(key: str) -> None:
    with pytest.raises(Unfit, match=f"turn 2 has '{key}' beside its content, which is not trained"):
        conversation_of([ASK, ANSWER | {key: "two and two make four"}])
    assert conversation_of([ASK, ANSWER | {key: None}]) == conversation_of([ASK, ANSWER | {key: ""}])


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "text"])
def test_keys_of_turns_that_nothing_reads_are_told_once(tmp_path: Path, ending: str) -> None:
    turns = [[ASK | {"content": f"number {n}", "sent_at": n, "mood": None}, ANSWER | {"name": None}] for n in range(9)]
    turns[0][1] = turns[0][1] | {"model": "one"}
    records = [{"messages": json.dumps(each) if ending == "text" else each} for each in turns]
    source = "chat.parquet" if ending == "parquet" else "chat.jsonl"
    if ending == "parquet":
        pl.DataFrame(records).write_parquet(tmp_path / source)
    else:
        write_jsonl(tmp_path / source, records)
    found = prepared(tmp_path, DataSpec(train=source), task="generation")
    (note,) = [each for each in found.profile.findings if each.kind == "unread_turn_keys"]
    assert (note.severity, note.count) == ("note", 9)
    assert note.message.endswith("not read: 'sent_at' in 9 conversations, 'model' in 1 conversation")
    write_jsonl(tmp_path / "plain.jsonl", [{"messages": [ASK | {"content": f"number {n}"}, ANSWER]} for n in range(9)])
    plain = prepared(tmp_path, DataSpec(train="plain.jsonl"), task="generation")
    assert not [each for each in plain.profile.findings if each.kind == "unread_turn_keys"]


def test_the_prompt_is_all_that_was_said_before_the_last_answer() -> None:
    chat = conversation_of([ASK, ANSWER, {"role": "user", "content": "sure?"}, {"role": "assistant", "content": "yes"}])
    assert words_of(chat) == ("what is two and two\n\nfour\n\nsure?", "yes")
    called = conversation_of([ASK, {"role": "assistant", "content": None, "tool_calls": NESTED}])
    assert json.loads(words_of(called)[1] or "")[0]["function"] == CALL


FAULTS: dict[str, tuple[Any, str]] = {
    "a text": ("what is it", "is a text, not a list of turns"),
    "broken JSON": ('[{"role": "user"', "is a text, not a list of turns"),
    "no turns": ([], "a conversation without turns"),
    "only an empty system text": ([{"role": "system", "content": " "}], "a conversation without turns"),
    "a text for a turn": (["hello"], "turn 1 is a text, not an object"),
    "other keys": ([{"speaker": "a", "text": "b"}], "turn 1 holds the keys 'speaker', 'text', no role"),
    "an unknown role": ([ASK, {"role": "narrator", "content": "x"}], "turn 2 has the unknown role 'narrator'"),
    "a misspelt role": ([ASK, {"role": "asistant", "content": "x"}], "did you mean 'assistant'"),
    "a misspelt word for a role": ([ASK, {"role": "brd", "content": "x"}], "did you mean 'assistant'"),
    "a role that is no text": ([{"role": 1, "content": "x"}], "turn 1 has the unknown role 1"),
    "an unknown ShareGPT role": ([HUMAN, {"from": "narator", "value": "x"}], "turn 2 has the unknown role 'narator'"),
    "two answers in a row": ([ASK, ANSWER, ANSWER], "turns 2 and 3 are both of the assistant's"),
    "a late system turn": ([ASK, ANSWER, {"role": "system", "content": "x"}], "turn 3 is of the system's"),
    "a role misspelt": ([{"rol": "user", "content": "a"}], "no role (it has 'rol': did you mean 'role'?)"),
    "a speaker misspelt": ([{"form": "human", "value": "a"}], "did you mean 'from'?"),
    "a content misspelt": ([{"role": "user", "contents": "a"}], "has no content (it has 'contents': did you mean 'co"),
    "a value misspelt": ([{"from": "human", "values": "a"}], "has no value (it has 'values': did you mean 'value'?)"),
    "no content": ([{"role": "user"}, ANSWER], "turn 1 has no content"),
    "null content": ([ASK, {"role": "assistant", "content": None}], "turn 2 has no content"),
    "a number for content": ([{"role": "user", "content": 5}, ANSWER], "turn 1 has a number as its content"),
    "an image": ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, ANSWER],
                 "turn 1 holds a part of the type 'image_url': only texts are learned"),
    "a call without a name": ([ASK, {"role": "assistant", "content": "", "tool_calls": [{"function": {}}]}],
                              "turn 2 calls a function without a name"),
    "a call that is no object": ([ASK, {"role": "assistant", "content": "", "tool_calls": ["add"]}],
                                 "turn 2 holds a call that is a text"),
    "broken arguments": (
        [ASK, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add", "arguments": "{a"}}]}],
        "turn 2 calls 'add', and its arguments are no sound JSON",
    ),
    "arguments that are a list": (
        [ASK, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add", "arguments": "[1]"}}]}],
        "turn 2 calls 'add' with a list as its arguments",
    ),
    "a broken ShareGPT call": ([HUMAN, {"from": "function_call", "value": "add(2, 2)"}],
                               "turn 2 calls a function, and its text is no sound JSON"),
    "a ShareGPT call without a name": ([HUMAN, {"from": "function_call", "value": '{"arguments": {}}'}],
                                       "turn 2 calls a function without a name"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_with_the_turn(fault: str) -> None:
    given, words = FAULTS[fault]
    with pytest.raises(Unfit) as caught:
        conversation_of(given)
    assert words in caught.value.args[0] + caught.value.args[1]
    assert caught.value.args[1]


def test_the_faults_of_a_file_are_listed_by_line_and_name_the_known_shapes(tmp_path: Path) -> None:
    sound = {"messages": [ASK, ANSWER]}
    broken = [{"messages": given} for given, _ in FAULTS.values()]
    write_jsonl(tmp_path / "chat.jsonl", [sound, *broken[:6], sound])
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="chat.jsonl"), task="generation")
    assert [p.place for p in caught.value.problems] == ["chat.jsonl", *(f"chat.jsonl:{n}" for n in range(2, 8))]
    assert all("ShareGPT" in problem.remedy for problem in caught.value.problems[1:])


def test_turns_whose_roles_are_all_misspelt_are_known_for_what_they_are(tmp_path: Path) -> None:
    turns = [{"rol": "user", "content": "a"}, {"rol": "assistant", "content": "b"}]
    write_jsonl(tmp_path / "chat.jsonl", [{"talk": turns}] * 9)
    with pytest.raises(RecipeError, match=r"'talk' looks like conversations.*did you mean 'role'"):
        prepared(tmp_path, DataSpec(train="chat.jsonl"), task="generation")


def test_tools_are_read_from_text_and_from_lists() -> None:
    tool = {"name": "add", "parameters": {}}
    assert tools_of(json.dumps([tool])) == tools_of([tool]) == tools_of(tool) == (tool,)
    assert tools_of(None) == tools_of(" ") == tools_of("[]") == ()
    for given, words in (("[{", "no sound JSON"), ([{"parameters": {}}], "has no name"), (5, "are a number")):
        with pytest.raises(Unfit, match=words):
            tools_of(given)


GAPS = {
    "nothing to learn": ([ASK], "no turn of the assistant's"),
    "an empty answer": ([ASK, ANSWER | {"content": "\u200b "}], "turn 2 (assistant) is empty"),
    "an empty question": ([ASK | {"content": ""}, ANSWER], "turn 1 (user) is empty"),
    "an empty turn midway": ([ASK, ANSWER, ASK | {"content": " "}, ANSWER], "turn 3 (user) is empty"),
    "answers of weight 0 alone": (
        [ASK, ANSWER | {"weight": 0}, ASK, ANSWER | {"weight": 0}],
        "every answer has the weight 0",
    ),
    "a greeting before an answer of weight 0": (
        [GREETING, ASK, ANSWER | {"weight": 0}],
        "every answer has the weight 0",
    ),
    "a greeting alone answers nothing": (
        [{"role": "system", "content": "be brief"}, GREETING],
        "no turn of the assistant's answers",
    ),
    "a question at the end": ([ASK, ANSWER, ASK], "ends with a turn of the user's, which nobody answers"),
}


@pytest.mark.parametrize("gap", GAPS)
def test_what_is_missing_is_refused_or_leaves_as_the_recipe_says(tmp_path: Path, gap: str) -> None:
    given, words = GAPS[gap]
    assert words in gaps(conversation_of(given))[0]
    sound = [{"messages": [ASK | {"content": f"number {n}"}, ANSWER]} for n in range(9)]
    write_jsonl(tmp_path / "chat.jsonl", [*sound, {"messages": given}])
    with pytest.raises(DataError, match=words.replace("(", r"\(").replace(")", r"\)")) as caught:
        prepared(tmp_path, DataSpec(train="chat.jsonl", missing="error"), task="generation")
    assert caught.value.problems[0].place == "chat.jsonl:10"
    found = prepared(tmp_path, DataSpec(train="chat.jsonl"), task="generation")
    account = found.profile.dropped or found.profile.changed
    unanswered = ("nothing to learn", "an empty answer", "answers of weight 0", "a greeting")
    rule = "missing_answer" if gap.startswith(unanswered) else "missing_text"
    assert account == {"trailing_turn" if gap == "a question at the end" else rule: 1}


def test_a_question_at_the_end_leaves_and_what_it_was_is_on_record(tmp_path: Path) -> None:
    chats = [{"messages": [ASK | {"content": f"number {n}"}, ANSWER, ASK]} for n in range(9)]
    write_jsonl(tmp_path / "chat.jsonl", chats)
    found = prepared(tmp_path, DataSpec(train="chat.jsonl"), task="generation")
    for rows in found.splits.values():
        assert all(from_json(text).turns[-1]["role"] == "assistant" for text in rows["messages"])
        assert all(text.startswith("number") and "what is" not in text for text in rows["input"])
    before = [from_json(json.loads(text)["messages"]) for text in found.dropped["before"]]
    assert [chat.turns[-1]["role"] for chat in before] == ["user"] * 9


def test_an_answer_of_weight_0_is_context_and_other_weights_are_refused() -> None:
    said = [ASK, ANSWER | {"weight": 0}, ASK, ANSWER | {"weight": 1}]
    assert [turn.get("weight") for turn in conversation_of(said).turns] == [None, 0, None, 1]
    for turn in (ANSWER | {"weight": 0.5}, ASK | {"weight": 1}):
        with pytest.raises(Unfit, match="weight"):
            conversation_of([ASK, turn, ANSWER])


def test_what_stands_behind_the_last_trained_answer_leaves_and_is_on_record(tmp_path: Path) -> None:
    refused = [ASK, ANSWER | {"content": "five", "weight": 0}]
    chats = [{"messages": [ASK | {"content": f"number {n}"}, ANSWER | {"weight": 1}, *refused]} for n in range(9)]
    write_jsonl(tmp_path / "chat.jsonl", chats)
    found = prepared(tmp_path, DataSpec(train="chat.jsonl"), task="generation")
    for rows in found.splits.values():
        assert set(rows["target"]) == {"four"}
        assert all(text.startswith("number") and "five" not in text for text in rows["input"])
        for text in rows["messages"]:
            kept = from_json(text)
            assert kept.answer == "four"
            assert [turn["role"] for turn in kept.prompt.turns] == ["user"]
    assert found.profile.changed == {"trailing_turn": 9}
    assert all("five" in text for text in found.dropped["before"])
