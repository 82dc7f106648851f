"""How varied texts are: lengths in words, and the diversity and repetition of their words on a fixed sample."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tunewright.core.audit import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

SAMPLE_WORDS = 10_000
"""A type-token ratio falls with the size of the text, so that it is always taken of so many words."""
SAMPLE_ROWS = 20_000
OPENING = 3
"""Words of an opening."""


def word_counts(texts: pl.Series) -> pl.Series:
    """Words of each text: runs of letters, digits and underscores."""
    return texts.str.count_matches(r"\w+")


def drawn(rows: pl.DataFrame, count: int, *, seed: int) -> pl.DataFrame:
    """At most `count` of the rows, by chance, in random order."""
    return rows.sample(min(count, rows.height), shuffle=True, seed=seed)


def vocabulary(texts: pl.Series, *, seed: int) -> Vocabulary | None:
    """The figures of at most 20,000 texts and 10,000 words of these, drawn by chance; None without a word."""
    sample = drawn(texts.to_frame("text"), SAMPLE_ROWS, seed=seed)["text"]
    split = [words for words in sample.str.to_lowercase().str.extract_all(r"\w+").to_list() if words]
    looked = _first(split)
    held = [word for words in looked for word in words]
    if not held:
        return None
    openings = Counter(" ".join(words[:OPENING]) for words in split if len(words) >= OPENING)
    top, times = openings.most_common(1)[0] if openings else ("", 0)
    return Vocabulary(
        rows=len(split),
        words=len(held),
        distinct=len(set(held)),
        type_token_ratio=len(set(held)) / len(held),
        distinct_2=_distinct(looked, 2),
        distinct_3=_distinct(looked, 3),
        shared_openings=sum(n for n in openings.values() if n > 1) / len(split),
        top_opening=top,
        top_opening_share=times / len(split),
    )


def _first(split: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The texts up to the one that fills the sample, which is cut."""
    taken: list[Sequence[str]] = []
    room = SAMPLE_WORDS
    for words in split:
        if room <= 0:
            break
        taken.append(words[:room])
        room -= len(words)
    return taken


def _distinct(split: Sequence[Sequence[str]], size: int) -> float | None:
    """Different runs of `size` words among all; a run never crosses texts."""
    runs = [tuple(words[i : i + size]) for words in split for i in range(len(words) - size + 1)]
    return len(set(runs)) / len(runs) if runs else None
