"""Every answer that rows train, one a row of a frame: a conversation of several rounds trains several."""

from __future__ import annotations

import polars as pl

from tunewright.core.conversation import from_json

ASSISTANT = '"assistant"'
"""How a turn of the assistant's names its role; in a text, the quotes are escaped."""


def trained_answers(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns `row` (place in `rows`, from 0) and `answer`, in order; a row without a target has none."""
    several = (pl.col("messages").str.count_matches(ASSISTANT, literal=True) > 1).fill_null(value=False)
    marked = rows.select("messages", "target", several.alias("several")).with_row_index("row")
    last = marked.filter(~pl.col("several") & pl.col("target").is_not_null()).select("row", answer="target")
    chats = marked.filter("several")
    said = [list(from_json(messages).trained_answers) for messages in chats["messages"]]
    every = chats.select("row", pl.Series("answer", said, dtype=pl.List(pl.String))).explode("answer").drop_nulls()
    return pl.concat([last, every]).sort("row", maintain_order=True)
