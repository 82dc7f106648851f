"""Text cleaning, as the recipe says: idempotent, and every changed row on record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.conversation import Conversation, from_json
from tunewright.core.tasks import reads
from tunewright.data.clean_steps import at_rest, follow, steps_of, with_plain_blanks
from tunewright.data.keys import content_keys
from tunewright.data.links import LINKS, link_keys
from tunewright.data.sift import Amended, record
from tunewright.data.turns import words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.data.clean_steps import Step
    from tunewright.recipe.clean import CleanSpec

__all__ = ["clean_asked", "clean_rows", "clean_text", "with_plain_blanks"]

FIELDS = ("input", "messages", "target")
Held = tuple[str | None, str | None, str | None]
"""The values of FIELDS of one row."""


def clean_text(text: str, spec: CleanSpec) -> str:
    """The cleaned text that is to be classified; cleaning it again changes nothing."""
    return clean_asked(text, spec, "classification")


def clean_asked(text: str, spec: CleanSpec, task: str) -> str:
    """What a model is asked, cleaned as `clean_rows` cleans the texts of the task's rows."""
    return follow((text,), steps_of(spec, task)).texts[0]


def clean_rows(rows: pl.DataFrame, spec: CleanSpec, task: str = "classification") -> Amended:
    """The rows with clean texts and the content keys of these; each changed row is recorded once a rule.

    A record holds the row as it is now, and as it was before its rule. What a model learns to write is left as it is
    but for control characters and, of answers and questions, the blanks around them, unless the recipe asks for more:
    line breaks and indentation mean something there. Conversations get the column LINKS as well.
    """
    steps = steps_of(spec, task)
    labelled = reads(task)
    befores: dict[str, list[tuple[int, str]]] = {step.rule: [] for step in steps}
    numbers = (~_resting(rows, steps, labelled=labelled)).arg_true().to_list()
    changed: list[tuple[int, Held]] = []
    for number, held in zip(numbers, rows[numbers].select(FIELDS).iter_rows(), strict=True):
        now, before = _cleaned(held, steps, labelled=labelled)
        if before:
            changed.append((number, now))
        for rule, held_before in before.items():
            befores[rule].append((number, held_before))
    cleaned = _keyed(_with_changed(rows, changed))
    changes = [record(cleaned.clear(), rule="", action="changed"), *_records(cleaned, befores)]
    cleaned = cleaned.drop(LINKS, strict=False) if not labelled else cleaned
    return Amended(cleaned.with_columns(link_keys(cleaned)) if task == "generation" else cleaned, pl.concat(changes))


def _resting(rows: pl.DataFrame, steps: Sequence[Step], *, labelled: bool) -> pl.Series:
    """Which rows no step changes for sure; of conversations, whose turns stand in one column, nobody knows."""
    resting = at_rest(rows["input"].fill_null(""), steps) & rows["messages"].is_null()
    return resting if labelled else resting & at_rest(rows["target"].fill_null(""), steps)


def _with_changed(rows: pl.DataFrame, changed: Sequence[tuple[int, Held]]) -> pl.DataFrame:
    """The rows with the fields of those, by their numbers, that are other ones now."""
    columns = []
    for place, name in enumerate(FIELDS):
        values = rows[name].to_list() if changed else []
        for number, now in changed:
            values[number] = now[place]
        columns.append(pl.Series(name, values, dtype=pl.String))
    return rows.with_columns(columns) if changed else rows


def _cleaned(held: Held, steps: Sequence[Step], *, labelled: bool) -> tuple[Held, Mapping[str, str]]:
    """A row's fields after cleaning, and for each rule that changed any, those as they were before it, as JSON."""
    text, messages, target = held
    if messages is not None:
        return _cleaned_chat(held, steps)
    learned = not labelled and target is not None
    trail = follow((text or "", target or "") if learned else (text or "",), steps)
    if not trail.before:
        return held, {}
    names = ("input", "target")
    now = dict(zip(names, trail.texts, strict=False))
    before = {
        rule: _as_json({name: old for name, old in zip(names, texts, strict=False) if old != now[name]})
        for rule, texts in trail.before.items()
    }
    return (now["input"], None, now.get("target", target)), before


def _cleaned_chat(held: Held, steps: Sequence[Step]) -> tuple[Held, Mapping[str, str]]:
    assert held[1] is not None
    chat = from_json(held[1])
    trail = follow(tuple(str(turn["content"]) for turn in chat.turns), steps)
    if not trail.before:
        return held, {}
    now = _chat_fields(chat, trail.texts)
    befores = {rule: _chat_fields(chat, texts) for rule, texts in trail.before.items()}
    return now, {
        rule: _as_json({name: old for name, old, new in zip(FIELDS, before, now, strict=True) if old != new})
        for rule, before in befores.items()
    }


def _chat_fields(chat: Conversation, contents: Sequence[str]) -> Held:
    """The fields of a conversation whose turns say these texts."""
    turns = tuple({**turn, "content": text} for turn, text in zip(chat.turns, contents, strict=True))
    changed = Conversation(turns, chat.tools)
    said, answer = words_of(changed)
    return said, changed.to_json(), answer


def _as_json(fields: Mapping[str, str | None]) -> str:
    return json.dumps(fields, ensure_ascii=False)


def _records(rows: pl.DataFrame, befores: Mapping[str, Sequence[tuple[int, str]]]) -> list[pl.DataFrame]:
    """The changed rows of each rule."""
    return [
        record(rows[[number for number, _ in changed]], rule=rule, action="changed").with_columns(
            pl.Series("before", [before for _, before in changed], dtype=pl.String)
        )
        for rule, changed in befores.items()
        if changed
    ]


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.Series("content_key", content_keys(rows["input"]), dtype=pl.String))
