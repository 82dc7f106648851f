"""What ties a row to others: its content key and, of a conversation, the keys of its earlier prompts.

The prompt of every answer is a prompt that the row has an answer to: a row that ends after the first answer and one
that goes on from it must not stand in two splits.
"""

from __future__ import annotations

import polars as pl

from tunewright.core.conversation import Conversation, from_json
from tunewright.data.keys import content_key
from tunewright.data.turns import words_of

LINKS = "links"
"""The column of a frame of work that holds `link_keys` once they are known."""

NEAR = "near"
"""The column that names each row's cluster of near-duplicates; null where it has none."""

_ANSWER = '"role": "assistant"'


def link_keys(rows: pl.DataFrame) -> pl.Series:
    """Of each row, its content key and those of the prompts of its earlier answers, without repetition.

    They are read from the column LINKS where the frame has it. A greeting before any question is no answer to a prompt:
    it stands in every conversation of its kind, and ties none of them together.
    """
    if LINKS in rows.columns:
        return rows[LINKS]
    own = rows["content_key"]
    if "messages" not in rows.columns or not rows["messages"].is_not_null().any():
        return rows.select(pl.concat_list("content_key").alias(LINKS))[LINKS]
    held = [
        [key] if chat is None else list(dict.fromkeys((key, *_earlier_prompts(chat))))
        for key, chat in zip(own, rows["messages"], strict=True)
    ]
    return pl.Series(LINKS, held, dtype=pl.List(pl.String))


def shares_link(rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """Whether each row has a link key that one of the others has too."""
    known = link_keys(others).explode().unique()
    flat = rows.select(link_keys(rows)).with_row_index("row").explode(LINKS)
    touched = flat.filter(pl.col(LINKS).is_in(known.implode()))["row"].unique()
    return rows.select(pl.int_range(pl.len(), dtype=pl.UInt32).is_in(touched.implode()).alias("shared"))["shared"]


def _earlier_prompts(messages: str) -> list[str]:
    """The content keys of the prompts of all answers but the last."""
    if messages.count(_ANSWER) <= 1:  # nothing is parsed for the many conversations of one answer
        return []
    chat = from_json(messages)
    prompts = [Conversation(chat.turns[:number], chat.tools) for number in chat.answers[:-1]]
    words = [words_of(prompt)[0] for prompt in prompts if prompt.turns[-1]["role"] != "assistant"]
    return [content_key(text) for text in words if text is not None]
