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
        ("{% for m in messages %", "no sound jinja in line 1"),
        (BODY + "{% if %}" + ASK, "no sound jinja in line 3"),
        ("{# one #}\n{{ messages[0].content.nothing.at_all }}" + BODY + ASK, "turns user, assistant in line 2"),
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


DOUBLED = "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"
FIRST, LATER = "{% if messages|length > 3 %}", "{% endif %}"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ 'x' * 10 ** 9 }}", "multiplies what has no bound in line 1"),
        ("{% generation %}{{ 'x' * 10 ** 9 }}{% endgeneration %}", "multiplies what has no bound"),
        ("{{ 'x' * 1000000000 }}", "a number beyond all bounds"),
        ("{% set n = 1000000000 %}{{ 'x' * n }}", "a number beyond all bounds"),
        ("{{ messages[0].content * messages|length }}", "multiplies what has no bound"),
        ("{{ 'x'|center(1000000000) }}", "a number beyond all bounds"),
        ("{{ '%999999999d' % 1 }}", "a number beyond all bounds"),
        ("{{ '%.999999999f' % 1.0 }}", "a number beyond all bounds"),
        ("{{ '{:{}}'.format('x', ('9' * 9)|int) }}", "reads a number from text|formats with a width"),
        ("{{ '{:{}}'.format('x', messages|length) }}", "formats with a width that it computes in line 1"),
        ("{{ '{:{}}'['format']('x', messages|length) }}", "formats with a width that it computes"),
        ("{% set f = '{:' ~ '{}}' %}{{ f.format('x', 9) }}", "formats with a width that it computes"),
        ("{{ '%*d' % (9, 1) }}", "formats with a width that it computes"),
        ("{{ '%.*f' % (9, 1.0) }}", "formats with a width that it computes"),
        ("{{ ('%' ~ '*d') % (9, 1) }}", "formats with a width that it computes"),
        ("{{ '%*d'|format(9, 1) }}", "formats with a width that it computes"),
        ("{{ '999999999'|int }}", "reads a number from text"),
        ("{{ '1e99'|float|round }}", "reads a number from text"),
        ("{{ ['9' * 9]|map('int')|list }}", "reads a number from text"),
        ("{{ 'x'|center(messages|length) }}", "writes as many blanks as it computes"),
        ("{{ 'x'|indent(width=messages|length) }}", "writes as many blanks as it computes"),
        ("{{ 'x'.ljust(messages|length) }}", "writes as many blanks as it computes"),
        ("{{ 'x'.zfill(range(1000000)|sum) }}", "writes as many blanks as it computes"),
        (DOUBLED, "held a text of more than 20,000 characters"),
        (
            DOUBLED.replace("ns.s =", "ns.t = [").replace("~ ns.s %}", "~ ns.s] %}{% set ns.s = ns.t[0] %}"),
            "held a text",
        ),
        (FIRST + DOUBLED + LATER, "held a text of more than"),
        ("{% if tools %}" + DOUBLED + LATER, "held a text of more than"),
        (
            "{% set ns = namespace(n=7) %}{% for i in range(60) %}{% set ns.n = ns.n + ns.n %}{% endfor %}",
            "as large a num",
        ),
        ("{{ ['a', 'b']|random }}", "writes at random in line 1"),
        ("{{ ['ab', 'cd']|map('random')|join }}", "writes at random"),
        ("{{ lipsum() }}", "writes random words"),
    ],
)
def test_a_template_of_unbounded_cost_or_of_chance_is_refused_before_it_runs(source: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason) as raised:
        template(source + BODY + ASK)
    assert "test.jinja" in raised.value.problems[0].given


def test_a_text_that_grows_with_the_words_of_a_row_is_refused_at_that_row() -> None:
    found = template(
        "{% if 'grow' in messages[0].content %}" + DOUBLED.replace("60", "20") + "{{ ns.s }}{% endif %}" + BODY + ASK
    )
    assert found.render(TWO_TURNS)
    with pytest.raises(DataError, match="makes 1,048,"):
        found.render(chat(("user", "grow"), ("assistant", "Yes.")))


@pytest.mark.parametrize(
    "source",
    [
        "{{ '=' * 40 }}\n",
        "{% set n = 3 %}{{ '  ' * n }}",
        "{{ 2 * (n + 1) if n is defined }}",
        "{{ 'x'|center(40) }}{{ 'x'.ljust(40) }}{{ {'a': 1}|tojson(indent=4) }}",
        "{{ '{:>5}'.format(1) }}{{ '%05.1f' % 2.5 }}{{ '%s of %s'|format(1, 2) }}",
        "{{ '12'|int }}{{ 3.7|int }}{% for m in messages %}{{ 'x' if (loop.index0 + 1) % 2 == 5 }}{% endfor %}",
        "{{ 'x' if (messages|selectattr('role', 'equalto', 'user')|list|length) % 2 == 5 }}",
        "{{ 'x' if messages[0]['content']|length % 2 == 5 }}",
    ],
)
def test_small_repetitions_are_no_reason_to_refuse(source: str) -> None:
    assert template(source + BODY + ASK).render(TWO_TURNS)


@pytest.mark.parametrize(
    "source",
    [
        "{# date_string is defined #}{{ strftime_now('%d') }}",
        "{% set date_string = \"x\" %}{{ strftime_now('%d') }}",
        "{% set clock = strftime_now %}{{ clock('%d') }}",
        "{% if date_string is defined %}{{ strftime_now('%d') }}{% endif %}",
    ],
)
def test_a_clock_that_is_read_in_spite_of_a_settled_date_is_refused(source: str) -> None:
    with pytest.raises(RecipeError, match="writes today's date in line 1"):
        template(source + BODY + ASK)


def test_a_clock_that_is_read_for_some_rows_is_refused_at_these() -> None:
    found = template("{% if messages|length == 4 %}\n{{ strftime_now('%d') }}{% endif %}" + BODY + ASK)
    with pytest.raises(DataError, match="writes today's date in line 2"):
        found.render(TWO_TURNS)


def test_where_two_renderings_part_is_shown() -> None:
    with pytest.raises(RecipeError, match=r"the one goes on with '<think>', the other with 'This is it"):
        template(BODY + "{% if add_generation_prompt %}<|im_start|>assistant\n<think>{% endif %}")


def test_a_line_of_the_file_is_named_as_what_to_correct() -> None:
    dated = "{% if not date_string is defined %}{% set date_string = strftime_now('%d') %}{% endif %}\n"
    with pytest.raises(RecipeError) as raised:
        template(dated + "{{ messages[0].content.nothing.at_all }}" + BODY + ASK)
    (problem,) = raised.value.problems
    assert "in line 2: " in problem.given
    assert problem.remedy.startswith("correct line 2 of test.jinja; or write `model.template: plain`")


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
    (tmp_path / "mine2.jinja").write_text(CHATML)
    with pytest.raises(RecipeError, match=r"no such file \(did you mean 'mine2.jinja'\?\)"):
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
        assert answer.strip() in rendered.text[start:end]
        assert rendered.text[:end].endswith(found.end_token)
    assert rendered.text[: rendered.answers[-1][0]] == found.prompt(conversation)


CALLS = "{% for c in m.tool_calls or [] %}[CALL]{% endfor %}"
CALLING = BODY.replace("{{ m.content }}", "{{ m.content or '' }}" + CALLS)
ARGUMENTS = {
    "city": "Zürich",
    "note": 'a "quoted"\nline',
    "days": 3,
    "share": 0.25,
    "sure": True,
    "more": [{"unit": None}],
}


def calling(question: str, **arguments: object) -> Conversation:
    call = {"type": "function", "function": {"name": "weather_at", "arguments": arguments}}
    asked = {"role": "user", "content": question}
    return Conversation((asked, {"role": "assistant", "content": "", "tool_calls": [call]}))


@pytest.mark.parametrize(
    "written",
    [
        "{{ c.function.name }} {{ c.function.arguments|tojson }}",
        "{{ c.function|tojson }}",
        "{{ c.function.name }}({% for k, v in c.function.arguments|items %}{{ k }}={{ v }},{% endfor %})",
        "{{ c.function.name }} {{ c.function.arguments }}",
    ],
)
def test_the_arguments_of_a_call_may_be_written_in_any_form(written: str) -> None:
    found = template(CALLING.replace("CALL", written) + ASK)
    (answer,) = answers(found, calling("Rain?", **ARGUMENTS))
    assert "weather_at" in answer
    assert "rich" in answer


def test_a_template_that_leaves_the_arguments_of_calls_out_is_refused() -> None:
    """The question says the place too, so that it stands in the text all the same."""
    found = template(CALLING.replace("CALL", "{{ c.function.name }}") + ASK)
    assert answers(found, calling("Rain in Bern?"))
    with pytest.raises(DataError, match=r"turn 2 \(assistant\).*leaves arguments of calls out: weather_at: city"):
        found.render(calling("Rain in Bern?", city="Bern"))
    called = calling("Rain in Bern?", city="Bern", days=5)
    with pytest.raises(DataError, match="weather_at: city, weather_at: days"):
        found.render(called)


@pytest.mark.parametrize("source", [CHATML, None])
def test_a_greeting_that_opens_a_conversation_is_context(source: str | None) -> None:
    """Nothing stands before it that it could be an answer to; what follows is trained as ever."""
    found = plain_template(settled()) if source is None else template(source)
    greeted = Conversation((*chat(("assistant", "Hello!")).turns, *TWO_TURNS.turns))
    assert answers(found, greeted) == answers(found, TWO_TURNS)
    assert "Hello!" in found.prompt(greeted)
    alone = chat(("assistant", "Hello!"))
    assert answers(found, alone) == []
    with pytest.raises(DataError, match=r"one turn of the assistant, with nothing that it answers"):
        found.prompt(alone)


def test_a_greeting_behind_a_system_turn_is_context_too() -> None:
    greeted = chat(("system", "Be brief."), ("assistant", "Hello!"), ("user", "What is it?"), ("assistant", "This."))
    assert greeted.trained == (3,)
    (answer,) = answers(plain_template(settled()), greeted)
    assert answer.strip().removesuffix("</s>") == "This."
