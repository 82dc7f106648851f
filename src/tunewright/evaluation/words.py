"""Texts as words, for metrics that count them: the same for every script."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai and Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese and Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana and Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
"""Letters of scripts that put no blanks between words: each counts as a word."""

EACH_LETTER = re.compile(f"([{UNSPACED}])")
WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
NUMBER_SIGN = re.compile(r"^[-\u2212](?=[^\w\s]*\d)")


def normalised(text: str) -> str:
    """The text as exact match compares it.

    NFKC and case-folded; blanks of any kind become one; signs at either end of a word are left out, but a minus before
    a number. Signs inside words stay, for `3.5` is not `35`; articles stay, for they are of one language.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(kept for word in folded.split() if (kept := _without_edges(word)))


def counted_words(text: str) -> list[str]:
    """The words of the normalised text, a letter of an unspaced script a word: what token F1 and length ratio count."""
    return EACH_LETTER.sub(r" \1 ", normalised(text)).split()


def _without_edges(word: str) -> str:
    minus = "-" if NUMBER_SIGN.match(word) else ""
    start, end = 0, len(word)
    while start < end and _is_sign(word[start]):
        start += 1
    while start < end and _is_sign(word[end - 1]):
        end -= 1
    return minus + word[start:end] if start < end else ""


def _is_sign(character: str) -> bool:
    return unicodedata.category(character)[0] == "P" or character == "\N{MINUS SIGN}"


class RougeWords:
    """What rouge-score asks of a tokeniser: its own runs of lower-case letters and digits, of all scripts.

    Its default knows ASCII alone: a Chinese answer would have no words, and an accented one broken ones. On ASCII texts
    both give the same.
    """

    def tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        return WORD.findall(text.lower())
