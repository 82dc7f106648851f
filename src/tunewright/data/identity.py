"""Words by which people are named, and the labels that go with them: a skew that a model takes for the rule.

Why: a classifier of toxic text that saw `gay` mostly in toxic rows calls `I am gay` toxic (Dixon, Li, Sorensen, Thain
and Vasserman 2018, AIES). Pointwise mutual information: Church and Hanks 1990.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_ROWS = 20
"""Rows with a word below which nothing is said of its labels."""
LEAST_BITS = 1.0
"""A label is skewed where it is at least twice as frequent with the word as without regard to it."""
LEAST_DEVIATIONS = 4.0
"""And where chance would hardly bring that: standard deviations of a share of so many rows, for about 90 words."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class TermCount:
    """One word in the rows."""

    term: str
    category: str
    rows: int
    """Rows that hold it, once or more."""
    labels: Mapping[str, int]
    """Label to rows that hold it."""


@dataclass(frozen=True, slots=True)
class Skew:
    """A label that goes with a word."""

    term: str
    label: str
    rows: int
    """Rows that hold the word."""
    share: float
    """Of these rows, those that bear the label."""
    overall: float
    """Of all rows, those that bear the label."""
    bits: float
    """Pointwise mutual information of word and label."""


@cache
def identity_terms() -> Mapping[str, str]:
    """Word to its category."""
    held = json.loads(files("tunewright.data").joinpath("identity_terms.json").read_text(encoding="utf-8"))
    return {term: category for category, terms in held.items() if category != "about" for term in terms}


def count_terms(rows: pl.DataFrame) -> list[TermCount]:
    """The words that stand in any row's text, the most frequent first; one pass over the texts."""
    terms = identity_terms()
    words = rows.select(
        pl.int_range(pl.len()).alias("row"),
        "target",
        pl.col("input").str.to_lowercase().str.extract_all(r"\w+").list.unique().alias("term"),
    ).explode("term")
    found = words.filter(pl.col("term").is_in(list(terms))).group_by("term", "target").len()
    counts: dict[str, dict[str, int]] = {}
    for term, label, count in found.sort("term", "target").iter_rows():
        counts.setdefault(term, {})[label] = count
    all_terms = [TermCount(term, terms[term], sum(held.values()), held) for term, held in counts.items()]
    return sorted(all_terms, key=lambda one: (-one.rows, one.term))


def skews(counts: Sequence[TermCount], labels: Mapping[str, int]) -> list[Skew]:
    """The labels that go with a word far more often than with any row, the strongest first.

    `labels` are the rows of each label in all.
    """
    total = sum(labels.values())
    found = []
    for term in counts:
        for label, rows in term.labels.items():
            share, overall = rows / term.rows, labels[label] / total
            bits = math.log2(share / overall)
            deviation = math.sqrt(overall * (1 - overall) / term.rows)
            sure = share - overall >= LEAST_DEVIATIONS * deviation
            if term.rows >= LEAST_ROWS and bits >= LEAST_BITS and sure:
                found.append(Skew(term.term, label, term.rows, share, overall, bits))
    return sorted(found, key=lambda skew: (-skew.bits, skew.term, skew.label))


def identity_findings(rows: pl.DataFrame) -> list[Finding]:
    """A warning of words for people that go with a label."""
    labels = dict(rows.group_by("target").len().iter_rows())
    found = skews(count_terms(rows), labels)
    if not found:
        return []
    parts = [
        f"{s.term!r} with {s.label!r} ({s.share:.0%} of {s.rows:,} rows; of all rows {s.overall:.0%})"
        for s in found[:SHOWN]
    ]
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    words = len({skew.term for skew in found})
    message = (
        f"{counted(words, 'word')} for people {'goes' if words == 1 else 'go'} with a label: {', '.join(parts)}{more}"
    )
    remedy = "a model may take the word for the label: bring rows that use these words under other labels"
    held = rows.filter(pl.col("input").str.to_lowercase().str.contains(rf"\b{found[0].term}\b"))
    where = held.filter(pl.col("target") == found[0].label).select("source", "line").iter_rows()
    return [Finding("identity_skew", "warning", message, words, places(where), remedy)]
