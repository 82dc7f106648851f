"""A conversation becomes text in this one place, and the characters of every answer are known by construction."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, TemplateSyntaxError

from tunewright.core.conversation import Conversation, Turn, asked
from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.core.files import digest, resolve_path, why_unreadable
from tunewright.models.template_bounds import MAX_CHARACTERS, MAX_GROWTH, bounded, unbounded
from tunewright.models.template_calls import unsaid_arguments
from tunewright.models.template_faults import line_of, parting, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.models.tokenizer import SettledTokenizer

PLACE = "model.template"
FIXED_DATE = "26 Jul 2024"
"""What a template that writes today's date writes instead: training and serving must say the same."""
CHOOSE_PLAIN = "write `model.template: plain`, or name a .jinja file that does"
RENDERS = "a template that renders a question and its answer"
REFUSALS = (TemplateError, TypeError, ValueError, KeyError, RecursionError, OverflowError, MemoryError)
"""What a template can raise while it is rendered."""
QUESTION, ANSWER = "What is it?", "This is it."
ROUND: tuple[Turn, ...] = (*asked(QUESTION).turns, {"role": "assistant", "content": ANSWER})
PROBES = (
    Conversation((*ROUND, *ROUND, *asked(QUESTION).turns)),
    Conversation(({"role": "system", "content": ANSWER}, *asked(QUESTION).turns)),
    Conversation(asked(QUESTION).turns, ({"type": "function", "function": {"name": "look", "parameters": {}}},)),
)
"""Other conversations that a template may spend its time on: several rounds, a system text, tools."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text."""

    text: str
    answers: tuple[tuple[int, int], ...]
    """(start, end) characters of each trained answer, from behind the generation prompt to the end of its stop."""


class ChatTemplate:
    """A settled template of one tokenizer: rendering is refused where an answer's place cannot be known for sure.

    `name` says where the source came from. Raises RecipeError where it cannot render a question with its answer.
    """

    def __init__(self, tokenizer: SettledTokenizer, source: str, *, name: str) -> None:
        self.name = name
        self.source = _dated(source)
        self._added_lines = self.source.count("\n") - source.count("\n")
        self._tokenizer = tokenizer
        self._require_bounds(source)
        self.end_token = self._find_end()
        self._stops = tuple(sorted({*tokenizer.stop_tokens, self.end_token}, key=len, reverse=True))
        self._probe()

    @cached_property
    def hash(self) -> str:
        """Changes whenever a conversation could be rendered differently."""
        return digest([self.source, self._tokenizer.named_tokens])

    def render(self, conversation: Conversation) -> Rendered:
        """The whole conversation as text. An answer whose turn has `weight: 0` is context: it is not trained.
        So is a greeting before any turn of the user's: it answers nothing, so there is no prompt to train it from.

        Raises DataError where the template refuses or drops a turn, rewrites earlier ones, or ends an answer without
        a stop token.
        """
        whole = self._text(conversation.turns, conversation)
        self._require_said(conversation, whole)
        spans = [self._span(conversation, number, whole) for number in conversation.trained]
        trained = dict(zip(conversation.trained, spans, strict=True))
        for number, turn in enumerate(conversation.turns):
            if turn.get("tool_calls"):
                start, end = trained.get(number, (0, len(whole)))
                self._require_called(turn, number, whole[start:end])
        return Rendered(whole, tuple(spans))

    def prompt(self, conversation: Conversation) -> str:
        """What the model is given before it answers: a last turn of the assistant is left out. Raises DataError."""
        turns = conversation.turns
        asked_turns = turns[:-1] if turns and turns[-1]["role"] == "assistant" else turns
        return self._text(asked_turns, conversation, ask=True)

    def _span(self, conversation: Conversation, number: int, whole: str) -> tuple[int, int]:
        turns = conversation.turns
        before = self._text(turns[:number], conversation, ask=True)
        last = number == len(turns) - 1
        through = (whole if last else self._text(turns[: number + 1], conversation)).rstrip()
        place = f"turn {number + 1} (assistant)"
        if not through.startswith(before):
            given = (
                f"the template {self.name!r} begins an answer otherwise than its generation prompt does: "
                f"{parting(before, through)}"
            )
            raise _refusal(place, given, "a template whose answers begin with its generation prompt")
        if not whole.startswith(through):
            given = (
                f"the template {self.name!r} writes the first {number + 1} turns otherwise once more turns follow: "
                f"{parting(through, whole)}"
            )
            raise _refusal(place, given, "a template that leaves earlier turns as they were")
        if not through.endswith(self._stops) or len(through) == len(before):
            given = f"the template {self.name!r} ends the answer with {through[-12:]!r}, which is no stop token"
            raise _refusal(place, given, f"one of {', '.join(self._stops)} at the end of every answer")
        return len(before), len(through)

    def _require_said(self, conversation: Conversation, whole: str) -> None:
        """Whatever the row says stands in the text: turns, tools and calls."""
        for number, turn in enumerate(conversation.turns):
            said = [str(turn.get("content") or "").strip(), *(_name_of(call) for call in turn.get("tool_calls") or ())]
            if not all(text in whole for text in said):
                given = f"the template {self.name!r} leaves out or rewrites what the turn says"
                raise _refusal(f"turn {number + 1} ({turn['role']})", given, "a template that writes every turn whole")
        ignored = [name for name in map(_name_of, conversation.tools) if name not in whole]
        if ignored:
            given = f"the template {self.name!r} ignores tools: {', '.join(ignored[:3])} do not stand in the text"
            raise _refusal("tools", given, "a template that takes tools")

    def _require_called(self, turn: Turn, number: int, text: str) -> None:
        """The arguments of the turn's calls stand in its text: a question may say them too, which is not the call."""
        unsaid = unsaid_arguments(turn, text)
        if unsaid:
            given = f"the template {self.name!r} leaves arguments of calls out: {', '.join(unsaid[:3])}"
            raise _refusal(f"turn {number + 1} ({turn['role']})", given, "a template that writes every call whole")

    def _text(self, turns: Sequence[Turn], conversation: Conversation, *, ask: bool = False) -> str:
        if not turns:
            given = "the conversation is one turn of the assistant, with nothing that it answers"
            raise _refusal("turn 1 (assistant)", given, "a turn before the answer", "leave such conversations out")
        tools = [dict(tool) for tool in conversation.tools] or None
        try:
            text: str = self._tokenizer.render(self.source, turns, tools=tools, ask=ask)
        except REFUSALS as fault:
            line = line_of(fault)
            line = line - self._added_lines if line is not None else None
            given, remedy = refusal(self.name, fault, _roles(turns), line)
            remedy = f"{remedy}; or {CHOOSE_PLAIN}" if remedy else CHOOSE_PLAIN
            raise _refusal(_roles(turns), given, "turns the template takes", remedy) from fault
        said = sum(len(str(value)) for turn in turns for value in turn.values()) + len(str(tools or ""))
        if len(text) > MAX_CHARACTERS + MAX_GROWTH * said:
            given = f"the template {self.name!r} makes {len(text):,} characters of {said:,}"
            raise _refusal(_roles(turns), given, "a text of about what the turns say")
        return text

    def _require_bounds(self, source: str) -> None:
        """Nothing in the source can cost more than its rendering shows, or differ from time to time."""
        try:
            fault = unbounded(source)
        except TemplateSyntaxError as error:
            given, remedy = refusal(self.name, error, "", error.lineno)
            remedy = f"{remedy}; or {CHOOSE_PLAIN}" if remedy else CHOOSE_PLAIN
            raise RecipeError(Problem(PLACE, given, RENDERS, remedy)) from error
        if fault is not None:
            given = f"the template {self.name!r} {fault}"
            raise RecipeError(Problem(PLACE, given, "a template of bounded cost, the same each time", CHOOSE_PLAIN))

    def _find_end(self) -> str:
        """The token that ends an answer, found by rendering one."""
        try:
            with bounded():
                text = self._text(ROUND, Conversation(ROUND))
                for probe in PROBES:
                    with contextlib.suppress(DataError):  # what it does not take, the rows will tell
                        self._text(probe.turns, probe, ask=True)
        except TimeoutError as fault:
            given = f"the template {self.name!r} has no bounds: {fault}"
            raise RecipeError(Problem(PLACE, given, RENDERS, CHOOSE_PLAIN)) from fault
        except DataError as fault:
            raise RecipeError(Problem(PLACE, fault.problems[0].given, RENDERS, fault.problems[0].remedy)) from fault
        ends = [token for token in self._tokenizer.added_tokens if text.rstrip().endswith(token)]
        if not ends or ANSWER not in text:
            given = f"the template {self.name!r} ends an answer with {text[-12:]!r}, which is no special token"
            raise RecipeError(Problem(PLACE, given, "a stop token at the end of every answer", CHOOSE_PLAIN))
        return max(ends, key=len)

    def _probe(self) -> None:
        """A question with its answer is rendered by the rules that hold for rows."""
        try:
            self.render(Conversation(ROUND))
        except DataError as fault:
            first = fault.problems[0]
            raise RecipeError(Problem(PLACE, first.given, first.expected, first.remedy)) from fault


def settle_template(tokenizer: SettledTokenizer, choice: str, recipe_folder: Path) -> ChatTemplate:
    """The template that `model.template` names. Raises RecipeError where it is absent or unfit."""
    own = tokenizer.own_template
    if choice == "own" and own is None:
        given = "own, but the base has no chat template"
        raise RecipeError(Problem(PLACE, given, "a base with a chat template", "write `plain`, or name a .jinja file"))
    if choice in {"own", "auto"} and own is not None:
        return ChatTemplate(tokenizer, own, name="own")
    if choice in {"plain", "auto"}:
        return plain_template(tokenizer)
    path = resolve_path(choice, recipe_folder)
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        expected = "own, plain, or a .jinja file in UTF-8 (relative to the recipe)"
        given = f"{choice!r} cannot be read: {why_unreadable(path, fault)}"
        raise RecipeError(Problem(PLACE, given, expected, "correct the path")) from fault
    return ChatTemplate(tokenizer, source, name=path.name)


def plain_template(tokenizer: SettledTokenizer) -> ChatTemplate:
    """Roles as plain words; every turn ends in EOS, and BOS stands first where the tokenizer adds one."""
    if "eos_token" not in tokenizer.named_tokens:
        given = "plain, but the tokenizer has no EOS token to end an answer with"
        raise RecipeError(Problem(PLACE, given, "a tokenizer with an EOS token", "name a .jinja file"))
    source = resources.files("tunewright.models").joinpath("plain.jinja").read_text(encoding="utf-8")
    begin = "{{- bos_token -}}\n" if tokenizer.adds_bos else ""
    return ChatTemplate(tokenizer, begin + source, name="plain")


def _dated(source: str) -> str:
    """The source with today's date settled, in the way that templates that write one let a caller set it.

    One that writes it all the same finds no clock, and is refused where it asks for one.
    """
    if "strftime_now" not in source or re.match(r"\{%-? set date_string = \"", source):
        return source
    if not re.search(r"\bdate_string is (not )?defined\b", source):
        return source
    return f'{{%- set date_string = "{FIXED_DATE}" -%}}\n{source}'


def _name_of(tool: Any) -> str:
    """The name of a tool or of a call of one, as it is written in most data: below `function`, or at the top."""
    function = tool.get("function", tool)
    return str(function.get("name", "")) if isinstance(function, dict) else str(function)


def _roles(turns: Sequence[Turn]) -> str:
    return f"the turns {', '.join(str(turn['role']) for turn in turns)}"


def _refusal(place: str, given: str, expected: str, remedy: str = CHOOSE_PLAIN) -> DataError:
    return DataError(Problem(place, given, expected, remedy))
