"""Class names: their order, and spelling variants of one another."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FREQUENCY_RATIO = 10
"""A label one edit away from another counts as its misspelling when the other is at least this much more frequent."""
MIN_LETTERS = 5
"""Shorter labels are one edit apart by nature: ham and spam."""
_SEPARATORS = re.compile(r"[\s_\-./,;:!?'\"()\[\]&]+")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*")


def label_order(labels: Iterable[str]) -> tuple[str, ...]:
    """The labels in the order of the model's outputs: by number where all are whole numbers, else by code point."""
    distinct = set(labels)
    if all(re.fullmatch(r"-?\d+", label) for label in distinct):
        return tuple(sorted(distinct, key=lambda label: (int(label), label)))
    return tuple(sorted(distinct))


def propose_label_map(counts: Mapping[str, int]) -> dict[str, str]:
    """Spelling variant to the label it probably means, which is the most frequent spelling.

    Variants are equal after folding case, separators, punctuation and a plural s, or lie one edit from a far more
    frequent label. Numbers are never variants of one another.
    """
    words = {label: count for label, count in counts.items() if not _NUMBER.fullmatch(label.strip())}
    spellings: dict[str, list[str]] = {}
    for label in words:
        spellings.setdefault(_folded(label), []).append(label)
    chosen = {key: max(group, key=lambda label: (words[label], label)) for key, group in spellings.items()}
    totals = {key: sum(words[label] for label in group) for key, group in spellings.items()}
    frequent = {key: total for key, total in totals.items() if total >= FREQUENCY_RATIO and len(key) >= MIN_LETTERS}
    proposed: dict[str, str] = {}
    for key, group in spellings.items():
        meant = _correction(key, totals[key], frequent)
        proposed |= {label: chosen[meant] for label in group if label != chosen[meant]}
    return dict(sorted(proposed.items()))


def _correction(key: str, total: int, frequent: Mapping[str, int]) -> str:
    """The far more frequent key one edit away, or the key itself."""
    near = [
        other
        for other, count in frequent.items()
        # A first letter more or less often turns a word into its opposite: typical and atypical.
        if count >= total * FREQUENCY_RATIO
        and other[0] == key[0]
        and len(key) >= MIN_LETTERS
        and one_edit_apart(key, other)
        and _same_digits(key, other)
    ]
    return max(near, key=lambda other: (frequent[other], other), default=key)


def one_edit_apart(a: str, b: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours turns `a` into `b`."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    short, long = sorted((a, b), key=len)
    start = next((i for i, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    swapped = a[:start] + a[start + 1 : start + 2] + a[start : start + 1] + a[start + 2 :]
    return a[start + 1 :] == b[start + 1 :] or swapped == b


def _folded(label: str) -> str:
    words = _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", label).casefold()).split()
    # A label of signs alone, such as - or ?, is folded to itself.
    return " ".join(_singular(word) for word in words) or label


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def _same_digits(a: str, b: str) -> bool:
    return re.sub(r"\D", "", a) == re.sub(r"\D", "", b)
