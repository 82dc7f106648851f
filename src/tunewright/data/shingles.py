"""Texts as sets of shingles: what near-duplicates are measured by.

A shingle is five characters in a row of the text's words (compatibility forms, lower case, joined by one blank). Of
words, a support ticket has too few to be compared by sequences of them, and Chinese or Thai has no blanks to find them
by; of characters, every text of a sentence has dozens. Five are enough to tell long documents apart: two chapters of
unlike novels, 40,000 characters each, share about a third of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.seeds import child_seed
from tunewright.data.plain import ascii_words, is_ascii

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

WIDTH = 5
"""Characters of a shingle."""
MIN_CHARACTERS = 32
"""Shorter texts are compared by content key alone: in a text of five words, one changed word means another text."""
BOILERPLATE_TEXTS = 10
BOILERPLATE_SHARE = 0.05
CHUNK_CHARACTERS = 1 << 18
"""Characters hashed at a time: the arrays of one chunk stay in a processor's cache."""

_FACTORS = np.array([child_seed(0, "shingle", place) | 1 for place in range(WIDTH)], dtype=np.uint64)
_MIX = np.uint64(child_seed(0, "shingle", "mix") | 1)


def without_boilerplate(texts: pl.Series) -> pl.Series:
    """The distinct texts without the lines that stand in many of them: system texts, instructions, signatures.

    Many is one in twenty, and BOILERPLATE_TEXTS at least. What all texts share says nothing of two of them.
    """
    if not texts.str.contains("\n", literal=True).any():
        return texts
    lines = pl.DataFrame({"line": texts.str.split("\n")}).with_row_index("row").explode("line")
    lines = lines.with_columns(pl.col("line").str.strip_chars()).filter(pl.col("line") != "")
    held = lines.group_by("line").agg(pl.col("row").n_unique().alias("texts"))
    common = held.filter(pl.col("texts") >= max(BOILERPLATE_TEXTS, BOILERPLATE_SHARE * texts.len()))["line"]
    if not common.len():
        return texts
    own = lines.filter(~pl.col("line").is_in(common.implode())).group_by("row").agg(pl.col("line").str.join("\n"))
    rows = pl.DataFrame({"row": pl.int_range(texts.len(), dtype=pl.UInt32, eager=True)})
    return rows.join(own, on="row", how="left", maintain_order="left")["line"].fill_null("").alias(texts.name)


def comparable(texts: pl.Series) -> pl.Series:
    """The words of each text in lower case, joined by one blank; null where they are too short to be compared."""
    plain = is_ascii(texts).fill_null(value=False)
    other = texts.filter(~plain)
    folded = other.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars(" ")
    rest = iter(folded.to_list())
    held = zip(texts.to_list(), plain.to_list(), strict=True)
    words = [ascii_words(text).decode("ascii") if simple else next(rest) for text, simple in held]
    found = pl.Series("text", words, dtype=pl.String)
    return found.set(found.str.len_chars() < MIN_CHARACTERS, None)


def shingle_hashes(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A 64-bit hash of each shingle of each text, one text after another, and where each text's begin.

    The offsets have one entry more than there are texts. No text is shorter than WIDTH.
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    count = max(codes.size - WIDTH + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        hashes += codes[place : place + count] * factor
    hashes ^= hashes >> np.uint64(32)  # a sum of products has its good bits on the left: they are spread over all
    hashes *= _MIX
    hashes ^= hashes >> np.uint64(29)
    inside = np.ones(count, dtype=bool)  # shingles that run over the end of a text belong to none
    ends = np.cumsum(lengths)[:-1]
    inside[(ends[:, None] - np.arange(1, WIDTH)).ravel()] = False
    offsets = np.concatenate([[0], np.cumsum(lengths - WIDTH + 1)])
    return hashes[inside], offsets.astype(np.int64)


def chunks(lengths: NDArray[np.int64], size: int = CHUNK_CHARACTERS) -> Iterator[slice]:
    """Stretches of consecutive texts of about `size` characters together, of one text at least."""
    if not lengths.size:
        return
    numbers = (np.cumsum(lengths) - 1) // size
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    yield from (slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], lengths.size], strict=True))
