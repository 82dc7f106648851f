"""Sequences of words of many texts, and how many training texts hold each of them, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.seeds import child_seed
from tunewright.data.shingles import BOILERPLATE_SHARE, BOILERPLATE_TEXTS, chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

WORDS = 8
"""Words of a sequence."""
COMMON_TEXTS = 100
"""Of however many texts: a sequence that so many of them hold is a set phrase or a template's."""
CHUNK_CHARACTERS = 1 << 24
"""Characters whose words are held at a time."""

_FACTORS = np.array([child_seed(0, "sequence", place) | 1 for place in range(WORDS)], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Sequences:
    """The sequences of some texts, one text after another, in their order."""

    texts: NDArray[np.int64]
    """The number of the text that each stands in."""
    hashes: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Held:
    """Which texts hold the sequences that were looked for."""

    texts: NDArray[np.int64]
    """Of each sequence, how many distinct texts hold it."""
    rows: pl.DataFrame
    """`sequence` and `row`: of each sequence, the numbers of the first texts that hold it."""


def sequences(texts: pl.Series) -> Sequences:
    """The sequences of WORDS words (compatibility forms, lower case) of each text; shorter texts have none."""
    parts = list(_in_chunks(texts))
    numbers = [np.empty(0, dtype=np.int64), *(part.texts for part in parts)]
    return Sequences(
        np.concatenate(numbers), np.concatenate([np.empty(0, dtype=np.uint64), *(part.hashes for part in parts)])
    )


def holders(texts: pl.Series, wanted: NDArray[np.uint64], *, listed: int) -> Held:
    """How many of the texts hold each wanted hash (sorted, distinct), and the first `listed` of these texts.

    The memory grows with what is wanted, not with the texts: of a sequence that all hold, `listed` are remembered.
    """
    counts, remembered = np.zeros(wanted.size, dtype=np.int64), np.zeros(wanted.size, dtype=np.int64)
    distinct = texts.is_first_distinct().to_numpy()
    found = [np.empty((2, 0), dtype=np.int64)]
    for part in _in_chunks(texts) if wanted.size else ():
        at = np.minimum(np.searchsorted(wanted, part.hashes), wanted.size - 1)
        hit = wanted[at] == part.hashes
        place, row = np.divmod(np.unique(at[hit] * texts.len() + part.texts[hit]), texts.len())
        counts += np.bincount(place[distinct[row]], minlength=wanted.size)
        keep = remembered[place] + _ranks(place) < listed
        found.append(np.stack([place[keep], row[keep]]))
        remembered += np.bincount(place[keep], minlength=wanted.size)
    place, row = np.concatenate(found, axis=1)
    return Held(counts, pl.DataFrame({"sequence": place, "row": row}))


def common(counts: NDArray[np.int64], texts: int) -> NDArray[np.bool_]:
    """Whether so many of `texts` distinct texts hold a sequence that it is boilerplate, by their `counts`.

    Many is one text in twenty, but BOILERPLATE_TEXTS at least (as for near-duplicates) and COMMON_TEXTS at most.
    """
    return counts >= min(max(BOILERPLATE_TEXTS, BOILERPLATE_SHARE * texts), COMMON_TEXTS)


def touching(texts: NDArray[np.int64], marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a sequence has a word in common, in its place, with a marked one of its text; a marked one has."""
    touched = marked.copy()
    for step in range(1, WORDS):
        same = texts[step:] == texts[:-step]
        touched[step:] |= marked[:-step] & same
        touched[:-step] |= marked[step:] & same
    return touched


def _ranks(ordered: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each entry among those equal to it, from 0 on."""
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    return np.arange(ordered.size) - np.repeat(begins, np.diff(begins, append=ordered.size))


def _in_chunks(texts: pl.Series) -> Iterator[Sequences]:
    for part in chunks(texts.str.len_chars().cast(pl.Int64).to_numpy(), CHUNK_CHARACTERS):
        yield _sequences(texts[part], part.start)


def _sequences(texts: pl.Series, start: int) -> Sequences:
    words = texts.rename("word").to_frame().with_row_index("text").select(
        "text", pl.col("word").str.normalize("NFKC").str.to_lowercase().str.extract_all(r"\w+")
    )  # fmt: skip
    flat = words.explode("word").drop_nulls("word")
    codes = flat["word"].hash(1).to_numpy()
    owners = flat["text"].cast(pl.Int64).to_numpy()
    count = max(codes.size - WORDS + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        hashes += codes[place : place + count] * factor
    inside = owners[:count] == owners[WORDS - 1 :][:count]
    return Sequences(owners[:count][inside] + start, hashes[inside])
