"""Addresses, quotation marks, dates, numbers and words, each in one way of writing."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from tunewright.recipe.clean import ONE_WORD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

URL, EMAIL = "[URL]", "[EMAIL]"
_URL = re.compile(r"(?<![\w@])(?:https?://|ftp://|www\.(?=\w))[^\s<>\"'`{}|\\^\[\]]+", re.IGNORECASE)
_CLOSERS = ".,;:!?)*_"
"""What ends a sentence or a bracket around an address and not the address."""
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+(?<![.-])")


def without_urls(text: str) -> str:
    """The text with `[URL]` for each web address; the full stop behind one stays."""
    if "://" not in text and "www." not in text.lower():
        return text
    return _URL.sub(lambda found: URL + found[0][len(found[0].rstrip(_CLOSERS)) :], text)


def without_emails(text: str) -> str:
    """The text with `[EMAIL]` for each e-mail address."""
    return _EMAIL.sub(EMAIL, text) if "@" in text else text


_ASCII = str.maketrans(dict.fromkeys("‘’‚‛′ʼ＇", "'") | dict.fromkeys("“”„‟″«»＂", '"') | dict.fromkeys("‐‑‒–—―−", "-"))


def with_plain_quotes(text: str) -> str:
    """The text with the quotation marks, apostrophes and dashes of ASCII."""
    return text if text.isascii() else text.translate(_ASCII)


MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_FIGURES = re.compile(r"(?<![\w./-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?![\w/-]|\.\d)")
_DAY_FIRST = re.compile(rf"(?<![\w./-])(\d{{1,2}})(?:st|nd|rd|th)?[ ](?:of[ ])?({_MONTH})\.?,?[ ](\d{{4}})(?!\w)", re.I)
_MONTH_FIRST = re.compile(rf"(?<!\w)({_MONTH})\.?[ ](\d{{1,2}})(?:st|nd|rd|th)?,?[ ](\d{{4}})(?!\w)", re.I)


def with_iso_dates(text: str) -> str:
    """The text with dates as `2025-03-31`, where day and month cannot be taken for each other."""
    text = _FIGURES.sub(_from_figures, text)
    text = _DAY_FIRST.sub(lambda found: _named(found, day=found[1], month=found[2]), text)
    return _MONTH_FIRST.sub(lambda found: _named(found, day=found[2], month=found[1]), text)


def _from_figures(found: re.Match[str]) -> str:
    one, other, year = int(found[1]), int(found[3]), int(found[4])
    if one > 12 or one == other:
        return _iso(found[0], year, month=other, day=one)
    return _iso(found[0], year, month=one, day=other) if other > 12 else found[0]


def _named(found: re.Match[str], *, day: str, month: str) -> str:
    word = month.lower()
    numbers = [number for number, name in enumerate(MONTHS, start=1) if name.startswith(word) or word == "sept"]
    number = 9 if word == "sept" else numbers[0] if len(numbers) == 1 else 0
    return _iso(found[0], int(found[3]), month=number, day=int(day))


def _iso(written: str, year: int, *, month: int, day: int) -> str:
    """The date, or what was written where the calendar has no such day."""
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return written


_COMMAS = re.compile(r"(?<![\w.,])\d{1,3}((?:,\d{3})+)(\.\d+)?(?![\w]|[.,]\d)")
_POINTS = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{3})+,\d+(?![\w]|[.,]\d)")
_SPACES = re.compile(r"(?<![\w.,])\d{1,3}(?:[\u202f\u2009\u00a0]\d{3})+(?![\w]|[.,]\d)")


def with_plain_numbers(text: str) -> str:
    """The text with numbers without thousands separators and with a decimal point.

    `1,234` and `1.234` stay: they are a thousand to one reader and about one to another.
    """
    text = _COMMAS.sub(lambda f: f[0].replace(",", "") if f[2] or f[1].count(",") > 1 else f[0], text)
    text = _POINTS.sub(lambda f: f[0].replace(".", "").replace(",", "."), text)
    return _SPACES.sub(lambda f: re.sub(r"\D", "", f[0]), text)


def words_replaced(pairs: Mapping[str, str]) -> Callable[[str], str]:
    """Texts with whole words replaced; a capital at the beginning of a word stays one."""
    meant = {word.casefold(): right for word, right in pairs.items()}

    def replaced(found: re.Match[str]) -> str:
        right = meant.get(found[0].casefold())
        if right is None:
            return found[0]
        return right[:1].upper() + right[1:] if found[0][0].isupper() else right

    return lambda text: ONE_WORD.sub(replaced, text)


def without_lines(lines: Sequence[str]) -> Callable[[str], str]:
    """Texts without those of the lines that stand at their beginning or end, or are parted from it by such lines."""
    known = frozenset(line_key(line) for line in lines)

    def bare(text: str) -> str:
        held = text.splitlines(keepends=True)
        first, last = 0, len(held)
        while first < last and _passes(held, first, known):
            first += 1
        while last > first and _passes(held, last - 1, known):
            last -= 1
        if not any(line_key(line) in known for line in (*held[:first], *held[last:])):
            return text
        return "".join(held[first:last])

    return bare


def _passes(held: Sequence[str], at: int, known: frozenset[str]) -> bool:
    return not held[at].strip() or line_key(held[at]) in known


def line_key(line: str) -> str:
    """A line as it is compared: without blanks at its ends and in a row, in any case of letters."""
    return " ".join(line.split()).casefold()
