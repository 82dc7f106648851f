"""Rules by which documents of the web are thought fit to learn from: Gopher's, its repetition rules, and C4's."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
BULLETS = ("•", "‣", "⁃", "▪", "◦", "●", "-", "*")
ELLIPSES = ("...", "…")
TOP_GRAMS: Mapping[int, float] = {2: 0.20, 3: 0.18, 4: 0.16}
"""Words of a run to the share of the characters that the most frequent run may make up."""
REPEATED_GRAMS: Mapping[int, float] = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
"""Words of a run to the share of the characters that runs which stand more than once may make up."""
POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
C4_LINE_WORDS, C4_SENTENCES = 5, 3
_SENTENCE_END = re.compile(r"[.!?][\"'”’)]*(?=\s|$)")


def gopher_reason(text: str) -> str | None:
    """The first of Gopher's rules (Rae et al. 2021, table A1 and section A1.1) that the document breaks."""
    return next(_gopher(text), None)


def c4_reason(text: str) -> str | None:
    """The first of C4's rules for pages (Raffel et al. 2020, section 2.2) that the document breaks.

    The lines that C4 would cut out of a page are not counted, and stay where they are. Its list of bad words is not
    applied.
    """
    lowered = text.lower()
    if "lorem ipsum" in lowered:
        return "c4_lorem_ipsum"
    if "{" in text:
        return "c4_curly_bracket"
    kept = [line.strip() for line in text.splitlines() if _c4_keeps(line.strip())]
    sentences = sum(len(_SENTENCE_END.findall(line)) for line in kept)
    return "c4_few_sentences" if sentences < C4_SENTENCES else None


REASONS: Mapping[str, Callable[[str], str | None]] = {"gopher": gopher_reason, "c4": c4_reason}
"""`data.filter.quality` to what says which rule a document breaks."""


def _c4_keeps(line: str) -> bool:
    lowered = line.lower()
    ends = line.endswith((".", "!", "?", '"', "”")) and not line.endswith(ELLIPSES)
    told = "javascript" in lowered or any(policy in lowered for policy in POLICIES)
    return ends and len(line.split()) >= C4_LINE_WORDS and not told


def _gopher(text: str) -> Iterator[str]:
    words = text.split()
    if not 50 <= len(words) <= 100_000:
        yield "gopher_word_count"
        return
    if not 3 <= sum(map(len, words)) / len(words) <= 10:
        yield "gopher_word_length"
    symbols = text.count("#"), text.count("...") + text.count("…")
    if max(symbols) / len(words) > 0.1:
        yield "gopher_symbols"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if sum(line.startswith(BULLETS) for line in lines) > 0.9 * len(lines):
        yield "gopher_bullets"
    if sum(line.endswith(ELLIPSES) for line in lines) > 0.3 * len(lines):
        yield "gopher_ellipses"
    if sum(any(c.isalpha() for c in word) for word in words) < 0.8 * len(words):
        yield "gopher_alphabetic"
    if len(STOP_WORDS & {word.strip(".,;:!?\"'()").lower() for word in words}) < 2:
        yield "gopher_stop_words"
    yield from _repetition(text, words, lines)


def _repetition(text: str, words: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """Gopher's rules of repetition (table A1); shares of characters are of the text without its blanks."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    for name, parts in (("lines", lines), ("paragraphs", paragraphs)):
        number, characters = _repeated(parts)
        if number > 0.30 or characters > 0.20:
            yield f"gopher_repeated_{name}"
    whole = sum(map(len, words))
    for n, most in TOP_GRAMS.items():
        counts = Counter(zip(*(words[start:] for start in range(n)), strict=False))
        gram, count = max(counts.items(), key=lambda item: (item[1], sum(map(len, item[0]))))
        if count > 1 and count * sum(map(len, gram)) / whole > most:
            yield f"gopher_top_{n}gram"
    for n, most in REPEATED_GRAMS.items():
        if _covered(words, n) / whole > most:
            yield f"gopher_repeated_{n}gram"


def _repeated(parts: Sequence[str]) -> tuple[float, float]:
    """The share of parts that say what an earlier one says, and of the characters in them."""
    again, seen = [], set()
    for part in parts:
        if part in seen:
            again.append(part)
        seen.add(part)
    whole = sum(map(len, parts))
    return len(again) / max(1, len(parts)), sum(map(len, again)) / max(1, whole)


def _covered(words: Sequence[str], n: int) -> int:
    """Characters of the words in runs of `n` that stood before; a word in several of them counts once."""
    seen: set[tuple[str, ...]] = set()
    end, characters = 0, 0
    for start in range(len(words) - n + 1):
        gram = tuple(words[start : start + n])
        if gram in seen:
            characters += sum(map(len, words[max(start, end) : start + n]))
            end = start + n
        seen.add(gram)
    return characters
