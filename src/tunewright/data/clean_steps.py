"""The steps of cleaning: which of them a recipe takes, in which order, and texts brought to rest under them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping  # noqa: TC003  # types of the frozen records below
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.tasks import reads
from tunewright.data.invisible import without_invisible
from tunewright.data.markup import without_html, without_markdown
from tunewright.data.plain import is_ascii
from tunewright.data.repair import normal_form, without_mojibake
from tunewright.data.standard import (
    with_iso_dates,
    with_plain_numbers,
    with_plain_quotes,
    without_emails,
    without_lines,
    without_urls,
    words_replaced,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.recipe.clean import CleanSpec, Switch

ROUNDS = 8
"""What one step uncovers another takes in the next round, such as a tag that was escaped twice."""
_BLANKS = re.compile(r"[^\S\r\n]+")
ASCII_BLANKS = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
"""What `str.strip` takes from the ends of a text of ASCII; polars by itself leaves the last four."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change to a text, under the rule that it is recorded by."""

    rule: str
    change: Callable[[str], str]
    spares: Callable[[pl.Series], pl.Series] | None = None
    """Which of some texts it leaves as they are for sure, found for all of them at once; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The texts of one row at rest, and what they were before each rule first changed any of them."""

    texts: tuple[str, ...]
    before: Mapping[str, tuple[str, ...]]


def with_plain_blanks(text: str) -> str:
    """The text without blanks at its ends, and with one blank for each run of them inside a line."""
    plain = text.isprintable() and "  " not in text  # the only blank that is printable is U+0020
    return (text if plain else _BLANKS.sub(" ", text)).strip()


def steps_of(spec: CleanSpec, task: str) -> tuple[Step, ...]:
    """The steps that the recipe takes on texts of the task, in their order.

    Texts whose characters are counted by spans stay as they are. Texts that are learned keep what `auto` takes from
    others, and their line breaks and indentation.
    """
    if task == "token_classification":
        return ()
    labelled = reads(task)
    form = {"auto": "NFC" if labelled else None, "nfc": "NFC", "nfkc": "NFKC", "off": None}[spec.unicode]
    blanks = with_plain_blanks if labelled else str.strip
    found: list[tuple[str, bool, Callable[[str], str]]] = [
        ("mojibake", switched(spec.mojibake, task), without_mojibake),
        ("html", switched(spec.html, task), without_html),
        ("unicode", form is not None, normal_form("NFKC" if form == "NFKC" else "NFC")),
        ("control_character", spec.control_characters, without_invisible),
        ("markdown", spec.markdown, without_markdown),
        ("url", "url" in spec.placeholders, without_urls),
        ("email", "email" in spec.placeholders, without_emails),
        ("quotes", spec.quotes, with_plain_quotes),
        ("date", spec.dates, with_iso_dates),
        ("number", spec.numbers, with_plain_numbers),
        ("lower_case", spec.lower_case, str.lower),
        ("replace", bool(spec.replace), words_replaced(spec.replace)),
        ("boilerplate", bool(spec.boilerplate), without_lines(spec.boilerplate)),
        ("whitespace", spec.whitespace and task != "language_modelling", blanks),
    ]
    spares = {**SPARES, "whitespace": _spared_inside if labelled else _spared_at_ends}
    return tuple(Step(rule, change, spares.get(rule)) for rule, wanted, change in found if wanted)


def at_rest(texts: pl.Series, steps: Sequence[Step]) -> pl.Series:
    """Which of the texts no step changes for sure: most of them, and the others are to be followed one by one."""
    resting = pl.Series([True] * texts.len(), dtype=pl.Boolean)
    for step in steps:
        if step.spares is None:
            return pl.Series([False] * texts.len(), dtype=pl.Boolean)
        resting &= step.spares(texts)
    return resting.fill_null(value=False)


def _spared_at_ends(texts: pl.Series) -> pl.Series:
    """ASCII without a blank at either end."""
    return is_ascii(texts) & (texts.str.strip_chars(ASCII_BLANKS).str.len_bytes() == texts.str.len_bytes())


def _spared_inside(texts: pl.Series) -> pl.Series:
    """And without two blanks in a row, or one that is no U+0020, inside a line."""
    runs = texts.str.contains("  ", literal=True) | texts.str.contains(r"(?-u)[\t\x0b\x0c\x1c-\x1f]")
    return _spared_at_ends(texts) & ~runs


SPARES: Mapping[str, Callable[[pl.Series], pl.Series]] = {
    "mojibake": is_ascii,
    "html": lambda texts: ~texts.str.contains("[<&]"),
    "unicode": is_ascii,
    "control_character": lambda texts: is_ascii(texts) & ~texts.str.contains(r"(?-u)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
    "lower_case": lambda texts: is_ascii(texts) & ~texts.str.contains("[A-Z]"),
}
"""Rule to the texts that it spares; of those that few recipes ask for, nobody knows."""


def switched(value: Switch, task: str) -> bool:
    """Whether a step is taken: as the recipe says, else on texts that are read and not learned."""
    return value if isinstance(value, bool) else reads(task)


def follow(texts: tuple[str, ...], steps: Sequence[Step]) -> Trail:
    """The texts once no step changes any of them, so that cleaning twice is cleaning once.

    Texts that do not come to rest in ROUNDS rounds were made to defeat this, and are given back as they were.
    """
    before: dict[str, tuple[str, ...]] = {}
    now = texts
    for _ in range(ROUNDS):
        start = now
        for step in steps:
            after = tuple(map(step.change, now))
            if after != now:
                before.setdefault(step.rule, now)
                now = after
        if now == start:
            return Trail(now, before)
    return Trail(texts, {})
