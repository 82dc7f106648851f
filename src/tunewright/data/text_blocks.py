"""Raw text to blocks: one document is cut at line ends, so that parts of it can be held back."""

from __future__ import annotations

import io

import polars as pl

from tunewright.data.frame import LINE

BLOCK_CHARACTERS = 2_000
"""A block ends with the line that brings it to so many: long enough to be predicted from itself, short enough that even
a chapter gives several to divide."""

COLUMN = "text"


def read_text(text: str) -> pl.DataFrame:
    """A frame of one block a row, in the column `text`, with the line where each begins; the text is not blank.

    The blocks joined are the text: nothing is stripped. A longer line is a block by itself, or the end of one.
    """
    blocks: list[str] = []
    lines: list[int] = []
    held: list[str] = []
    first = size = 0
    # Lines as editors count them: `splitlines` also breaks at form feeds and the like.
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        first = first if held else number
        held.append(line)
        size += len(line) if line.strip() else 0
        if size >= BLOCK_CHARACTERS:
            blocks.append("".join(held))
            lines.append(first)
            held, size = [], 0
    if size:
        blocks.append("".join(held))
        lines.append(first)
    elif held:
        blocks[-1] += "".join(held)
    schema = {LINE: pl.Int64, COLUMN: pl.String}
    return pl.DataFrame({LINE: lines, COLUMN: blocks}, schema=schema)
