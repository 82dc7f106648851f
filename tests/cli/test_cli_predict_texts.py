"""`predict` with a model that writes: an answer a row, joined to its place; rows that cannot be answered are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chat_room import CONTEXT, talking_project

from tunewright.core.conversation import Conversation
from tunewright.core.encoded import RowContent
from tunewright.core.generated import Decoding
from tunewright.pipeline.tuned import open_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli_room import Ran

RUN = Path("runs/recipe")
SHORT = ("--max-new-tokens", "6")
TURNS = [{"role": "user", "content": "how is it?"}, {"role": "assistant", "content": "fine"}]


def asked(*turns: dict[str, str]) -> str:
    row = RowContent("", Conversation(turns).to_json())
    return open_run(RUN).writer().generate([row], Decoding(6))[0].text


def lines(told: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.out.splitlines()]


def test_every_answer_is_a_line_of_json_that_says_how_it_was_made(
    talking: Path, tunewright: Callable[..., Ran]
) -> None:
    (row,) = lines(tunewright("predict", RUN, "--text", " how is it?\n", *SHORT))
    decoding = {"max_new_tokens": 6, "temperature": 0.0, "top_p": 1.0, "seed": 13}
    assert row == {
        **{"line": None, "id": None, "text": "how is it?", "answer": asked(TURNS[0]), "stopped": False},
        **{"new_tokens": 6, "decoding": decoding},
    }
    (ended,) = lines(tunewright("predict", RUN, "--text", "what is the weather like in town 3?"))
    assert ended["stopped"] is True
    assert ended["new_tokens"] < 256
    drawn = ("--temperature", "2", "--seed", "1")
    again = [tunewright("predict", RUN, "--text", "how is it?", *drawn, *SHORT).out for _ in range(2)]
    assert again[0] == again[1] != tunewright("predict", RUN, "--text", "how is it?", *SHORT).out


def test_rows_of_a_file_bear_their_line_and_id(talking: Path, tunewright: Callable[..., Ran]) -> None:
    (talking / "new.csv").write_text('id,prompt\nA-1,how is it?\nA-2,"two\nlines"\n', encoding="utf-8")
    told = tunewright("predict", RUN, "--file", "new.csv", "--out", "found.jsonl", *SHORT)
    assert "wrote 2 predictions to found.jsonl" in told.out
    rows = [json.loads(line) for line in (talking / "found.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["line"], row["id"], row["text"]) for row in rows] == [
        (2, "A-1", "how is it?"),
        (3, "A-2", "two\nlines"),
    ]
    assert rows[0]["answer"] == asked(TURNS[0])


def test_conversations_are_answered_from_all_their_turns_but_a_last_answer(
    talking: Path, tunewright: Callable[..., Ran]
) -> None:
    more = {"role": "user", "content": "why?"}
    chats = [{"messages": [*TURNS, more]}, {"messages": TURNS}]
    (talking / "chats.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats), encoding="utf-8")
    told = tunewright("predict", RUN, "--file", "chats.jsonl", *SHORT, "--json").json["predictions"]
    assert [row["answer"] for row in told] == [asked(*TURNS, more), asked(TURNS[0])]
    assert told[1]["text"] == "how is it?"


def test_instruction_and_input_are_joined_as_in_training_and_a_system_text_stands_first(
    talking: Path, tunewright: Callable[..., Ran]
) -> None:
    rows = [{"instruction": "Say it.", "input": "now", "system": "Be brief."}, {"instruction": "Say it.", "input": ""}]
    (talking / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told = tunewright("predict", RUN, "--file", "new.jsonl", *SHORT, "--json").json["predictions"]
    brief, question = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say it.\n\nnow"}
    assert told[0]["answer"] == asked(brief, question)
    assert told[1]["answer"] == asked({"role": "user", "content": "Say it."})


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ('{"prompt": "late"}\n{"prompt": " "}\n', 3, "new.jsonl:2: holds no text"),
        ('{"prompt": "late"}\n\n{"prompt": "late"}\n', 3, "1 blank line, where a row could be meant: line 2"),
        ('{"prompt": "' + "wind " * CONTEXT + '"}\n', 3, "1 of 1 prompts leave no room for an answer: line 1 ("),
        ('{"messages": [{"role": "usr", "content": "x"}]}\n', 3, "unknown role 'usr' (did you mean 'user'?)"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}\n', 3, "holds no turn of the user's"),
        ('{"what": "late", "when": "now"}\n', 2, "it is not clear which column holds the text"),
    ],
)
def test_rows_that_cannot_be_answered_are_named(
    content: str, code: int, said: str, talking: Path, tunewright: Callable[..., Ran]
) -> None:
    (talking / "new.jsonl").write_text(content, encoding="utf-8")
    told = tunewright("predict", RUN, "--file", "new.jsonl", "--out", "found.jsonl")
    assert (told.code, said in told.err) == (code, True), told.err
    assert not (talking / "found.jsonl").exists()


def test_a_classifier_takes_no_decoding(finished_run: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("predict", RUN, "--text", "late", "--temperature", "0.5")
    assert (told.code, "writes nothing that could be decoded" in told.err) == (2, True)


def test_a_text_to_text_model_answers_and_can_be_talked_to_a_turn_at_a_time(
    tmp_path: Path, tunewright: Callable[..., Ran]
) -> None:
    run = talking_project(tmp_path, "text_to_text", "t5", max_steps=1)
    one, two = lines(tunewright("predict", run, "--text", "how is it?", "--text", "why?", *SHORT))
    turns = tunewright("chat", run, "--text", "how is it?", "--text", "why?", *SHORT, "--json").json["turns"]
    assert [turn["tuned"]["text"] for turn in turns] == [one["answer"], two["answer"]]
    told = tunewright("chat", run, "--text", "how is it?", "--system", "Be brief.")
    assert (told.code, "takes none" in told.err) == (3, True)
    long = tunewright("predict", run, "--text", "wind " * CONTEXT)
    assert (long.code, "leave no room for an answer" in long.err) == (3, True)
