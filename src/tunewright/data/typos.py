"""Words that look misspelt: rare, unknown to the base, and one edit from a frequent word that it knows."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.encoded import OF_ROWS, RowContent
from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.labels import one_edit_apart
from tunewright.data.languages import UNKNOWN, counted_languages, languages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.core.protocols import RowEncoder

LEAST_LETTERS = 5
"""Shorter words are one edit apart by nature: form and from."""
RARE_ROWS = 4
FREQUENCY_RATIO = 3
MOST_WORDS = 20_000
"""Frequent words that others are compared with: the memory is bounded, whatever the number of rows."""
KNOWN_SHARE = 0.8
"""Where the base knows fewer of the frequent words, it does not know the language, and says nothing about spelling."""
LANGUAGE_ROWS = 500
SHOWN = 20
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def typo_findings(rows: pl.DataFrame, encoder: RowEncoder) -> list[Finding]:
    """Words that look misspelt, with the map that would correct them; nothing where the base cannot tell.

    A base knows a word that is one token to it. The time is linear in the length of the texts: frequent words are
    found by their deletions of one letter (Garbe 2012).
    """
    if not encoder.max_tokens or encoder.layout not in OF_ROWS or not rows.height:
        return []
    words = [frozenset(map(str.casefold, _WORD.findall(text or ""))) for text in rows["input"]]
    counts = Counter(word for held in words for word in held)
    frequent = [w for w, n in counts.most_common(MOST_WORDS) if n >= FREQUENCY_RATIO and len(w) >= LEAST_LETTERS]
    known = _known(frequent, encoder)
    if not known or sum(counts[w] for w in known) < KNOWN_SHARE * sum(counts[w] for w in frequent):
        return []
    pairs = _misspelt(counts, known)
    pairs = {word: pairs[word] for word in pairs.keys() - _known(list(pairs), encoder)}
    return _found(rows, words, pairs)


def _known(words: Sequence[str], encoder: RowEncoder) -> frozenset[str]:
    """The words that are one token behind another word."""
    if not words:
        return frozenset()
    bare, *longer = [
        encoder.length(row) for row in encoder.encode([RowContent(f"the {w}".strip()) for w in ("", *words)])
    ]
    return frozenset(word for word, length in zip(words, longer, strict=True) if length == bare + 1)


def _misspelt(counts: Mapping[str, int], known: frozenset[str]) -> dict[str, str]:
    """Rare word to the most frequent known word that is one edit away and begins alike."""
    near: dict[str, list[str]] = {}
    for word in known:
        for part in _deletions(word):
            near.setdefault(part, []).append(word)
    found = {}
    for word, count in counts.items():
        if count <= RARE_ROWS and len(word) >= LEAST_LETTERS and word not in known and not {"'", "’"} & set(word):
            meant = {other for part in _deletions(word) for other in near.get(part, ())}
            likely = [w for w in meant if counts[w] >= FREQUENCY_RATIO * count and _slip(word, w)]
            if likely:
                found[word] = max(likely, key=lambda other: (counts[other], other))
    return found


def _slip(word: str, meant: str) -> bool:
    """Whether one is the other with a slip, and not its plural."""
    return word[0] == meant[0] and word != f"{meant}s" and one_edit_apart(word, meant)


def _deletions(word: str) -> Iterator[str]:
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


def _found(rows: pl.DataFrame, words: Sequence[frozenset[str]], pairs: Mapping[str, str]) -> list[Finding]:
    """The finding, without words that stand in texts of another language alone."""
    held = rows.with_columns(pl.Series("words", [sorted(pairs.keys() & some) for some in words])).filter(
        pl.col("words").list.len() > 0
    )
    if not held.height:
        return []
    looked = rows.gather_every(-(-rows.height // LANGUAGE_ROWS))["input"].to_list()
    most = next(iter(counted_languages(languages_of(looked))))
    own = [language in {most, UNKNOWN} for language in languages_of(held["input"].to_list())]
    held = held.filter(pl.Series(own, dtype=pl.Boolean))
    if not held.height:
        return []
    ordered = dict.fromkeys(word for some in held["words"] for word in some)
    shown = {word: pairs[word] for word in list(ordered)[:SHOWN]}
    listed = ", ".join(f"{word!r} → {meant!r}" for word, meant in list(shown.items())[:6])
    message = f"{counted(len(ordered), 'word')} in {counted(held.height, 'text')} may be misspelt: {listed}"
    remedy = (
        "nothing, if people will go on typing so; else read through and write "
        f"`data.clean.replace: {json.dumps(shown, ensure_ascii=False)}`"
    )
    where = places(held.select("source", "line").iter_rows())
    return [Finding("typo", "note", message, held.height, where, remedy)]
