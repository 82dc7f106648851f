"""What each record says, by the task: its text, its conversation, its answer; every value checked, nothing guessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tunewright.core.conversation import Conversation, asked
from tunewright.data.invisible import is_blank
from tunewright.data.label_sets import label_set_reader
from tunewright.data.numbers import as_number
from tunewright.data.span_values import as_text_or_words, joined, marked_spans
from tunewright.data.turns import conversation_of, tools_of, words_of
from tunewright.data.unfit import Unfit
from tunewright.data.values import as_label, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tunewright.data.columns import Columns


Held = TypeVar("Held")

TARGETS: Mapping[str, Callable[[Any], str | None]] = {"classification": as_label, "regression": as_number}
"""Task to how its targets are read; those of others are texts as they stand."""


@dataclass(frozen=True, slots=True)
class Content:
    """The texts of one row; what is absent is null."""

    input: str | None = None
    messages: str | None = None
    target: str | None = None


@dataclass(slots=True)
class _Reading:
    """One record being read, with what is wrong with it so far."""

    record: Mapping[str, Any]
    faults: list[Unfit] = field(default_factory=list)

    def value(self, column: str | None, convert: Callable[[Any], Held]) -> Held | None:
        """The converted value of a column; null where it is absent, or unfit, which is noted."""
        if column is None or column not in self.record:
            return None
        try:
            return convert(self.record[column])
        except Unfit as fault:
            self.faults.append(Unfit(f"{column!r} {fault.args[0]}", fault.args[1]))
            return None


def content_of(
    record: Mapping[str, Any], columns: Columns, task: str, delimiter: str | None = None
) -> tuple[Content, list[Unfit]]:
    """The record's content, and each value that cannot be what its column holds; `delimiter` divides labels."""
    reading = _Reading(record)
    if columns.messages is not None:
        return _chat(reading, columns), reading.faults
    if task == "token_classification":
        return _marked(reading, columns), reading.faults
    text = _joined(reading, columns.input)
    target = reading.value(
        columns.target, label_set_reader(delimiter) if task == "multilabel" else TARGETS.get(task, as_text)
    )
    if task != "generation":
        return Content(text, None, target), reading.faults
    return _pair(reading, columns, text, target), reading.faults


def chat_content(conversation: Conversation) -> Content:
    """The content of a whole conversation."""
    text, answer = words_of(conversation)
    return Content(text, conversation.to_json(), answer)


def _chat(reading: _Reading, columns: Columns) -> Content:
    system = reading.value(columns.system, as_text)
    tools = reading.value(columns.tools, tools_of) or ()

    def read(value: Any) -> Content:
        return Content() if value is None else chat_content(conversation_of(value, system=system, tools=tools))

    return reading.value(columns.messages, read) or Content()


def _pair(reading: _Reading, columns: Columns, text: str | None, target: str | None) -> Content:
    system = reading.value(columns.system, as_text)
    tools = reading.value(columns.tools, tools_of) or ()
    if text is None or target is None:
        return Content(text, None, target)
    question = asked(text, None if system is None or is_blank(system) else system)
    return chat_content(Conversation((*question.turns, {"role": "assistant", "content": target}), tools))


def _marked(reading: _Reading, columns: Columns) -> Content:
    """A text, or words with a blank between them, and its spans."""
    (column,) = columns.input
    text = reading.value(column, as_text_or_words)
    if text is None:
        return Content()
    return Content(joined(text), None, reading.value(columns.target, lambda value: marked_spans(text, value)))


def _joined(reading: _Reading, columns: tuple[str, ...]) -> str | None:
    """The texts of the columns that are there, a blank line between them."""
    texts = [reading.value(column, as_text) for column in columns]
    if len(texts) == 1:
        return texts[0]  # as it stands, blank or not: what is missing is told apart later
    there = [text for text in texts if text is not None and not is_blank(text)]
    return "\n\n".join(there) if there else None
