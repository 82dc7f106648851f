"""Text cleaning, as the recipe says: idempotent, and every changed row on record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.conversation import Conversation, from_json
from tunewright.data.invisible import without_invisible
from tunewright.data.keys import content_key
from tunewright.data.links import LINKS, link_keys
from tunewright.data.sift import Amended, amend, amend_all, record
from tunewright.data.turns import words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tunewright.recipe.data import CleanSpec

_BLANKS = re.compile(r"[^\S\r\n]+")


def with_plain_blanks(text: str) -> str:
    """The text without blanks at its ends, and with one blank for each run of them inside a line."""
    return _BLANKS.sub(" ", text).strip()


def clean_text(text: str, spec: CleanSpec) -> str:
    """The cleaned text; cleaning it again changes nothing."""
    text = without_invisible(text) if spec.control_characters else text
    return with_plain_blanks(text) if spec.whitespace else text


def clean_asked(text: str, spec: CleanSpec, task: str) -> str:
    """What a model is asked, cleaned as `clean_rows` cleans the texts of the task's rows."""
    if task == "classification":
        return clean_text(text, spec)
    for _, change in _text_steps(spec, task):
        text = change(text)
    return text


def clean_rows(rows: pl.DataFrame, spec: CleanSpec, task: str = "classification") -> Amended:
    """The rows with clean texts and the content keys of these; each changed row is recorded once a rule.

    What a model learns to write is left as it is but for control characters and, of answers and questions, the blanks
    around them: line breaks and indentation mean something there. Conversations get the column LINKS as well.
    """
    if task != "classification":
        return _clean_texts(rows, spec, task)
    changes = [record(rows.clear(), rule="", action="changed")]
    steps = [
        ("control_character", spec.control_characters, without_invisible),
        ("whitespace", spec.whitespace, with_plain_blanks),
    ]
    for rule, wanted, change in steps:
        if wanted:
            texts = [change(text) for text in rows["input"]]
            amended = amend(rows, pl.Series("input", texts, dtype=pl.String), rule=rule)
            rows = amended.rows
            changes.append(amended.changes)
    return Amended(_keyed(rows), pl.concat(changes))


def _clean_texts(rows: pl.DataFrame, spec: CleanSpec, task: str) -> Amended:
    changes = [record(rows.clear(), rule="", action="changed")]
    for rule, change in _text_steps(spec, task):
        amended = amend_all(rows, _changed(rows, change), rule=rule)
        rows = amended.rows
        changes.append(amended.changes)
    keyed = _keyed(rows).drop(LINKS, strict=False)
    return Amended(keyed.with_columns(link_keys(keyed)) if task == "generation" else keyed, pl.concat(changes))


def _text_steps(spec: CleanSpec, task: str) -> list[tuple[str, Callable[[str], str]]]:
    steps: list[tuple[str, bool, Callable[[str], str]]] = [
        ("control_character", spec.control_characters, without_invisible),
        ("whitespace", spec.whitespace and task != "language_modelling", str.strip),
    ]
    return [(rule, change) for rule, wanted, change in steps if wanted]


def _changed(rows: pl.DataFrame, change: Callable[[str], str]) -> list[pl.Series]:
    """Text, conversation and answer of each row after the change; of a conversation, each turn is changed."""
    found: dict[str, list[str | None]] = {"input": [], "messages": [], "target": []}
    for text, messages, target in rows.select(*found).iter_rows():
        content: tuple[str | None, str | None, str | None]
        if messages is None:
            content = (change(text), None, None if target is None else change(target))
        else:
            content = _changed_chat(text, messages, target, change)
        for name, value in zip(found, content, strict=True):
            found[name].append(value)
    return [pl.Series(name, values, dtype=pl.String) for name, values in found.items()]


def _changed_chat(
    text: str, messages: str, target: str, change: Callable[[str], str]
) -> tuple[str | None, str | None, str | None]:
    chat = from_json(messages)
    turns = tuple({**turn, "content": change(str(turn["content"]))} for turn in chat.turns)
    if turns == chat.turns:
        return text, messages, target
    changed = Conversation(turns, chat.tools)
    said, answer = words_of(changed)
    return said, changed.to_json(), answer


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.Series("content_key", [content_key(t) for t in rows["input"]], dtype=pl.String))
