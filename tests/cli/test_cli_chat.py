"""`chat`: on a terminal, from a pipe, with texts; beside the base; and what it refuses."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chat_room import CONTEXT, talking_project, terminal

from tunewright.core.conversation import Conversation
from tunewright.core.encoded import RowContent
from tunewright.core.errors import DataError
from tunewright.core.generated import Decoding
from tunewright.models.chat_encoder import ChatEncoder
from tunewright.models.template import ChatTemplate
from tunewright.pipeline.chat import Chat, Speaker
from tunewright.pipeline.tuned import open_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli_room import Ran

    from tunewright.inference.text_model import TextModel

RUN = Path("runs/recipe")
SHORT = ("--max-new-tokens", "6")


def test_a_conversation_on_a_terminal(talking: Path) -> None:
    """Streaming, Ctrl-C for one answer, editing, a turn that is too long, commands, Ctrl-C twice at an empty line."""
    person = terminal(talking, "chat", "runs/recipe", "--against", "base", "--max-new-tokens", "900")
    person.wait_for("you> ")
    person.type("/help\n")
    person.wait_for("end, as Ctrl-D does")
    person.wait_for("you> ")
    person.type("how is it now?\n")
    person.wait_for("tuned> ")
    assert "fine" in person.wait_for("base> "), "the tuned model ends by itself"
    person.wait_for("Y")  # the base babbles on: what is seen of it came before its end
    person.type("\x03")
    person.wait_for("(stopped by Ctrl-C after ")
    assert int(person.wait_for(" tokens)")) < 900
    person.wait_for("you> ")
    person.type("wind " * 1500 + "\n")
    person.wait_for("tokens for the tuned model, and its context holds 1,024")
    person.wait_for("/reset")
    person.wait_for("you> ")
    person.type("not this line\x15/rese\x7fet\n")
    person.wait_for("(the conversation is forgotten)")
    person.wait_for("you> ")
    person.type("/sistem Be brief.\n")
    person.wait_for("did you mean '/system'?")
    person.wait_for("you> ")
    person.interrupt()
    person.wait_for("(Ctrl-C again, Ctrl-D or /quit ends)")
    person.wait_for("you> ")
    person.interrupt()
    assert person.end() == 0


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What is typed at a terminal, a line each; an exception is a key."""

    def typed(*keys: str | type[BaseException]) -> None:
        left: Iterator[str | type[BaseException]] = iter(keys)

        def read(_prompt: str = "") -> str:
            key = next(left)
            if isinstance(key, str):
                return key
            raise key

        monkeypatch.setattr("builtins.input", read)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    return typed


@pytest.mark.parametrize("end", [(EOFError,), ("/quit",), (KeyboardInterrupt, KeyboardInterrupt)])
def test_ctrl_d_quit_and_ctrl_c_twice_end_it_with_0(
    end: tuple[str | type[BaseException], ...],
    talking: Path,
    keyboard: Callable[..., None],
    tunewright: Callable[..., Ran],
) -> None:
    keyboard("", KeyboardInterrupt, "how is it?", *end)
    told = tunewright("chat", RUN, *SHORT, "--json")
    assert told.code == 0
    (turn,) = told.json["turns"]
    assert (turn["text"], turn["tuned"]["decoding"]["max_new_tokens"]) == ("how is it?", 6)
    assert "tuned> " in told.err


def test_reset_and_system_change_what_the_model_is_asked(
    talking: Path, keyboard: Callable[..., None], tunewright: Callable[..., Ran]
) -> None:
    keyboard("one", "/system Be brief.", "two", "/reset", "//three", "/system", "/reset", "one", EOFError)
    told = tunewright("chat", RUN, *SHORT, "--json").json["turns"]
    model = open_run(RUN).writer()
    first, second, third, last = (turn["tuned"]["text"] for turn in told)
    brief = {"role": "system", "content": "Be brief."}
    assert first == last == said(model, user("one"))
    assert second == said(model, brief, user("one"), answer(first), user("two"))
    assert told[2]["text"] == "/three"
    assert third == said(model, brief, user("/three"))


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def said(model: TextModel, *turns: dict[str, str]) -> str:
    """What the model answers to a whole conversation."""
    row = RowContent("", Conversation(turns).to_json())
    return model.generate([row], Decoding(6))[0].text


def test_both_sides_keep_their_own_history_and_an_adapter_switched_off_is_the_base(
    talking: Path, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright("chat", RUN, "--text", "how is it?", "--text", "why?", "--against", "base", *SHORT, "--json")
    first, second = told.json["turns"]
    tuned = open_run(RUN)
    for name, model in {"tuned": tuned.writer(), "base": tuned.base_writer()}.items():
        assert first[name]["text"] == said(model, user("how is it?"))
        assert second[name]["text"] == said(model, user("how is it?"), answer(first[name]["text"]), user("why?"))
    assert first["tuned"]["text"] != first["base"]["text"]
    assert told.json["against"] == "base"


def test_a_run_that_was_tuned_whole_stands_beside_its_base_too(whole: Path, tunewright: Callable[..., Ran]) -> None:
    (turn,) = tunewright("chat", RUN, "--text", "how is it?", "--against", "base", *SHORT, "--json").json["turns"]
    assert turn["base"]["text"] == said(open_run(RUN).base_writer(), user("how is it?"))
    assert tunewright("chat", RUN, "--text", "how is it?", *SHORT).out == f"{turn['tuned']['text']}\n"


def test_every_line_of_a_pipe_is_a_turn(
    talking: Path, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("how is it?\n\n/reset\n"))
    told = tunewright("chat", RUN, *SHORT)
    assert told.code == 0
    first, second = told.out.splitlines()
    model = open_run(RUN).writer()
    assert first == said(model, user("how is it?"))
    assert second == said(model, user("how is it?"), answer(first), user("/reset"))


def test_a_line_that_cannot_be_answered_leaves_the_others_their_answers(
    talking: Path, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = b"how is it?\n" + b"wind " * CONTEXT + b"\nto \xff\nwhy?\n"
    told = []
    for options in ((), ("--json",)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        told.append(tunewright("chat", RUN, *SHORT, *options))
    shown, data = told
    assert shown.code == data.code == 3
    assert f"its context holds {CONTEXT:,}" in shown.err
    assert "no UTF-8" in shown.err
    model = open_run(RUN).writer()
    first = said(model, user("how is it?"))
    last = said(model, user("how is it?"), answer(first), user("why?"))
    assert shown.out.splitlines() == [first, last]
    turns = data.json["turns"]
    assert [turn.get("tuned", {}).get("text") for turn in turns] == [first, None, None, last]
    assert ["refused" in turn for turn in turns] == [False, True, True, False]


def test_what_the_template_refuses_is_told_as_a_turn_of_the_chat(talking: Path) -> None:
    tuned = open_run(RUN)
    assert tuned.template is not None
    refusing = "{% if 'rain' in messages[-1].content %}{{ raise_exception('no rain') }}{% endif %}"
    template = ChatTemplate(tuned.tokenizer, refusing + tuned.template.source, name="dry.jinja")
    encoder = ChatEncoder(tuned.tokenizer, template)
    chat = Chat([Speaker("tuned", lambda: nullcontext(tuned.writer()), encoder, chats=True)], str, chats=True)
    assert chat.accept("how is it?") == "how is it?"
    with pytest.raises(DataError, match="no rain") as refused:
        chat.accept("will it rain?")
    (problem,) = refused.value.problems
    assert problem.remedy.startswith("say it otherwise")


@pytest.mark.parametrize("verb", ["chat", "predict"])
def test_special_tokens_in_what_is_asked_are_told(verb: str, talking: Path, tunewright: Callable[..., Ran]) -> None:
    special = sorted(open_run(RUN).tokenizer.special.texts)[0]
    told = tunewright(verb, RUN, "--text", f"how {special} is it?", *SHORT)
    assert told.code == 0
    assert f"{verb}: warning: {special} in " in told.err
    assert "read as the special token itself" in told.err
    assert "warning" not in tunewright(verb, RUN, "--text", "how is it?", *SHORT).err


def test_what_no_longer_fits_is_refused_with_its_tokens_and_the_remedy(
    talking: Path, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright("chat", RUN, "--text", "how is it?", "--text", "wind " * CONTEXT, *SHORT, "--json")
    assert told.code == 3
    (problem,) = told.json["problems"]
    tokens = open_run(RUN).prompt_encoder.prompt_ids(RowContent("wind " * CONTEXT))
    assert f"its context holds {CONTEXT:,}" in problem["given"]
    assert int(problem["given"].split(" has ")[1].split(" ")[0].replace(",", "")) >= len(tokens)
    assert "/reset" in problem["remedy"]


def test_other_tasks_are_refused_by_name_with_the_verb_that_takes_them(
    finished_run: Path, tunewright: Callable[..., Ran], tmp_path: Path
) -> None:
    told = tunewright("chat", RUN, "--text", "late")
    assert (told.code, "is a run of the task 'classification'" in told.err) == (2, True)
    assert "tunewright predict runs/recipe --text" in told.err
    (tmp_path / "raw").mkdir()
    run = talking_project(tmp_path / "raw", "language_modelling", max_steps=1)
    told = tunewright("chat", run, "--text", "late")
    assert (told.code, "is a run of the task 'language_modelling'" in told.err) == (2, True)
    continued = tunewright("predict", run, "--text", "what is the", *SHORT)
    assert json.loads(continued.out)["new_tokens"] == 6


def test_a_base_that_has_changed_is_not_what_the_adapter_lies_over(
    talking: Path, tunewright: Callable[..., Ran]
) -> None:
    config = talking / "base" / "generation_config.json"
    config.write_text(config.read_text(encoding="utf-8") + " ", encoding="utf-8")
    told = tunewright("chat", RUN, "--text", "how is it?")
    assert (told.code, "is not what it was when this run was tuned from it" in told.err) == (4, True)


@pytest.mark.parametrize("option", [("--temperature", "nan"), ("--top-p", "2"), ("--max-new-tokens", "0")])
def test_numbers_that_choose_no_token_are_refused(option: tuple[str, str], tunewright: Callable[..., Ran]) -> None:
    told = tunewright("chat", "runs/recipe", "--text", "late", *option)
    assert (told.code, option[0] in told.err) == (2, True)
