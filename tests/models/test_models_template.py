"""A template is rendered in one place; where an answer lies is known, or the template is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writer_room import WEATHER, chat, settled

from tiny_models import CHATML, GEMMA
from tunewright.core.conversation import Conversation
from tunewright.core.errors import DataError, RecipeError
from tunewright.models.template import FIXED_DATE, ChatTemplate, plain_template, settle_template

TWO_TURNS = chat(("user", "One?"), ("assistant", "Yes."), ("user", "Two?"), ("assistant", "No."))
BODY = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
ASK = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


def template(source: str, name: str = "test.jinja") -> ChatTemplate:
    return ChatTemplate(settled(), source, name=name)


def answers(found: ChatTemplate, conversation: Conversation) -> list[str]:
    rendered = found.render(conversation)
    return [rendered.text[start:end] for start, end in rendered.answers]


def test_an_answer_begins_behind_the_generation_prompt_and_ends_with_its_stop_token() -> None:
    assert answers(template(CHATML), TWO_TURNS) == ["Yes.<|im_end|>", "No.<|im_end|>"]
    assert answers(plain_template(settled()), TWO_TURNS) == [" Yes.</s>", " No.</s>"]
    assert answers(template(GEMMA), TWO_TURNS) == ["Yes.<end_of_turn>", "No.<end_of_turn>"]


def test_the_plain_template_writes_roles_as_words() -> None:
    conversation = chat(("system", "Be short."), ("user", "One?"), ("assistant", "Yes."))
    assert plain_template(settled()).render(conversation).text == "Be short.\n\nUser: One?</s>\nAssistant: Yes.</s>"
    assert plain_template(settled("<s> $A")).render(TWO_TURNS).text.startswith("<s>User: One?</s>\nAssistant: Yes.</s>")


def test_the_starter_lm_is_trained_with_the_plain_template() -> None:
    """Both are one text, so that a base without a template is spoken to as the starter is."""
    root = Path(__file__).parents[2]
    plain = (root / "src/tunewright/models/plain.jinja").read_text()
    assert (root / "scripts/starter_lm/chat_template.jinja").read_text() == plain


def test_the_stop_token_is_found_by_rendering() -> None:
    assert template(CHATML).end_token == "<|im_end|>"
    assert template(GEMMA).end_token == "<end_of_turn>"
    assert plain_template(settled()).end_token == "</s>"


def test_the_prompt_begins_the_rendering_and_leaves_the_answer_out() -> None:
    found = template(CHATML)
    prompt = found.prompt(TWO_TURNS)
    assert found.render(TWO_TURNS).text.startswith(prompt)
    assert prompt.endswith("<|im_start|>assistant\n")
    assert "No." not in prompt
    open_question = chat(("user", "One?"), ("assistant", "Yes."), ("user", "Two?"))
    assert found.prompt(open_question) == prompt, "a question that waits for its answer is asked whole"


def test_an_answer_of_weight_zero_is_context() -> None:
    first, second, third, fourth = TWO_TURNS.turns
    conversation = Conversation((first, {**second, "weight": 0}, third, fourth))
    assert answers(template(CHATML), conversation) == ["No.<|im_end|>"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            BODY + "{% if add_generation_prompt %}<|im_start|>assistant\n<think>{% endif %}",
            "begins an answer otherwise",
        ),
        ("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", "no special token"),
        ("{% for m in messages %}{{ m.content.nothing.at_all }}{% endfor %}", "refuses the turns"),
        ("{% for m in messages %", "refuses the turns"),
        ("<|im_end|>", "no special token"),
        ("{{ strftime_now('%d %B') }}" + BODY + ASK, "today's date"),
    ],
)
def test_a_template_that_no_answer_fits_is_refused_when_it_is_settled(source: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason) as raised:
        template(source)
    problem = raised.value.problems[0]
    assert problem.place == "model.template"
    assert "test.jinja" in problem.given
    assert problem.remedy


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro twice(n) %}{% if n %}{{ twice(n - 1) }}{{ twice(n - 1) }}{% endif %}{% endmacro %}{{ twice(60) }}",
    ],
)
def test_a_template_that_runs_on_and_on_is_refused(source: str) -> None:
    with pytest.raises(RecipeError, match="loops without bound"):
        template(source + BODY + ASK)


def test_a_template_reaches_nothing_outside() -> None:
    with pytest.raises(RecipeError, match="refuses the turns"):
        template("{{ messages.__class__.__mro__[1].__subclasses__() }}" + BODY + ASK)


def test_a_template_that_rewrites_earlier_turns_is_refused_by_name_and_turn() -> None:
    strips = "{% for m in messages %}<|im_start|>{{ m.role }}\n" + (
        "{% if loop.last and m.role == 'assistant' %}(thought) {% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    )
    found = template(strips + "{% if add_generation_prompt %}<|im_start|>assistant\n(thought) {% endif %}")
    assert answers(found, chat(("user", "One?"), ("assistant", "Yes."))) == ["Yes.<|im_end|>"]
    with pytest.raises(DataError, match=r"turn 2 \(assistant\): the template 'test.jinja' writes the first 2 turns"):
        found.render(TWO_TURNS)


def test_a_template_that_drops_what_a_turn_says_is_refused() -> None:
    keeps_last = "{% for m in messages[-2:] %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" + ASK
    with pytest.raises(DataError, match=r"turn 1 \(user\).*leaves out"):
        template(keeps_last).render(TWO_TURNS)


def test_a_role_that_a_template_refuses_is_named() -> None:
    with pytest.raises(DataError, match="System role not supported") as raised:
        template(GEMMA).render(chat(("system", "Be short."), ("user", "One?"), ("assistant", "Yes.")))
    assert "system, user, assistant" in raised.value.problems[0].place


def test_tools_are_written_or_the_template_is_refused() -> None:
    turns = (("user", "Rain?"), ("assistant", "No."))
    text = plain_template(settled()).render(chat(*turns, tools=[WEATHER])).text
    assert "weather_at" in text
    with pytest.raises(DataError, match="ignores tools: weather_at"):
        template(CHATML).render(chat(*turns, tools=[WEATHER]))


def test_a_call_is_an_answer_and_is_trained() -> None:
    call = {"type": "function", "function": {"name": "weather_at", "arguments": {"place": "Rome"}}}
    turns = (
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": "weather_at", "content": "dry"},
        {"role": "assistant", "content": "No."},
    )
    first, last = answers(plain_template(settled()), Conversation(turns, (WEATHER,)))
    assert '"weather_at"' in first
    assert '"Rome"' in first
    assert last == " No.</s>"
    with pytest.raises(DataError, match=r"turn 2 \(assistant\).*leaves out"):
        template(CHATML).render(Conversation(turns))


def test_own_plain_and_a_file_are_told_apart(tmp_path: Path) -> None:
    tokenizer = settled()
    assert settle_template(tokenizer, "auto", tmp_path).name == "plain"
    with pytest.raises(RecipeError, match="no chat template"):
        settle_template(tokenizer, "own", tmp_path)
    with pytest.raises(RecipeError, match="cannot be read"):
        settle_template(tokenizer, "mine.jinja", tmp_path)
    (tmp_path / "mine.jinja").write_text(CHATML)
    assert settle_template(tokenizer, "mine.jinja", tmp_path).source == CHATML
    tokenizer._tokenizer.chat_template = CHATML
    assert settle_template(tokenizer, "auto", tmp_path).source == CHATML
    assert settle_template(tokenizer, "plain", tmp_path).name == "plain"


def test_the_hash_changes_with_the_source_and_with_the_tokens_it_writes() -> None:
    hashes = {template(CHATML).hash, template(CHATML + "{# #}").hash, plain_template(settled()).hash}
    assert len(hashes) == 3
    assert template(CHATML).hash == template(CHATML, "other.jinja").hash
    other = settled()
    other._tokenizer.bos_token = "<|im_start|>"
    assert ChatTemplate(other, CHATML, name="test.jinja").hash != template(CHATML).hash


def test_todays_date_is_settled_where_a_template_lets_it_be() -> None:
    dated = "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    shown = template(dated + "{{ date_string }}" + BODY + ASK)
    assert FIXED_DATE in shown.render(TWO_TURNS).text
    again = template(shown.source)
    assert again.source == shown.source, "a saved template is settled already"


@given(
    st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=3),
    st.sampled_from([CHATML, "plain"]),
)
def test_prompts_begin_texts_and_answers_hold_their_words(pairs: list[tuple[str, str]], source: str) -> None:
    tokenizer = settled()
    found = plain_template(tokenizer) if source == "plain" else ChatTemplate(tokenizer, source, name="law")
    turns = [turn for question, answer in pairs for turn in (("user", question), ("assistant", answer))]
    conversation = chat(*turns)
    if any(token in words for _, words in turns for token in tokenizer.added_tokens):
        return
    rendered = found.render(conversation)
    assert len(rendered.answers) == len(pairs)
    for (start, end), (_, answer) in zip(rendered.answers, pairs, strict=True):
        assert answer in rendered.text[start:end]
        assert rendered.text[:end].endswith(found.end_token)
    assert rendered.text[: rendered.answers[-1][0]] == found.prompt(conversation)
