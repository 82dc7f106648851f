"""A raw column in figures, and what kind of values it holds."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from tunewright.data.paths import last_key
from tunewright.data.private.redact import without_secrets
from tunewright.data.words import fold_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXAMPLES = 3
KINDS_FROM = 20_000
"""Different values that tell what kind a column's values are."""
EXAMPLE_CHARS = 60
Kind = Literal["empty", "constant", "date", "number", "words", "text", "nested"]
_DATE = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4})(?!\d).*", re.DOTALL
)
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*")
STRAY_SHARE = 0.05
"""Lists and objects up to this share of a column are broken values of it: a run lists them by line."""
TEXT_WORDS = 4
"""Values with this many words on average are texts."""


@dataclass(frozen=True, slots=True)
class SniffedColumn:
    """One column as people want to see it."""

    name: str
    kind: Kind
    """`words` are short values such as labels; `text` is free text; `nested` are lists and objects."""
    examples: tuple[str, ...]
    """The first different values without secrets, cut to 60 characters."""
    distinct: int
    missing: int
    """Cells that are null or blank."""
    filled: int
    mean_words: float
    mean_chars: float
    top: int = 0
    """Cells that hold the most frequent value."""

    @property
    def folded(self) -> str:
        """The name without case and separators; of a path its last key."""
        return fold_name(last_key(self.name))

    @property
    def distinct_share(self) -> float:
        """Different values among those there are."""
        return self.distinct / self.filled if self.filled else 0.0

    @property
    def missing_share(self) -> float:
        """Missing values among all."""
        return self.missing / max(1, self.missing + self.filled)


def describe(series: pl.Series) -> SniffedColumn:
    """The column in figures."""
    if series.dtype == pl.String:
        return _describe_texts(series)
    given = series.to_list()
    values = [text for value in given if (text := shown(value)) is not None]
    nested = sum(isinstance(value, list | dict) for value in given) > STRAY_SHARE * len(values)
    counts = Counter(values)
    words = sum(len(value.split()) for value in values) / max(1, len(values))
    return SniffedColumn(
        name=series.name,
        kind="nested" if nested else _kind(values, counts, words),
        examples=tuple(_cut(value) for value in list(counts)[:EXAMPLES]),
        distinct=len(counts),
        missing=len(given) - len(values),
        filled=len(values),
        mean_words=words,
        mean_chars=sum(map(len, values)) / max(1, len(values)),
        top=max(counts.values(), default=0),
    )


def distinct(series: pl.Series) -> pl.Series:
    """Its different values, the first ones first; a column of mixed values as it is."""
    return series if series.dtype.is_object() or series.dtype.is_nested() else series.unique(maintain_order=True)


def _describe_texts(series: pl.Series) -> SniffedColumn:
    """A column of texts in figures, as a whole: the same as of its values one by one.

    What kind of values it holds is told by the first of many different ones.
    """
    values = series.filter(series.str.contains(r"[^\s\x1c-\x1f]").fill_null(value=False))
    different = values.unique(maintain_order=True)
    words = float(values.str.count_matches(r"[^\s\x1c-\x1f]+").sum()) / max(1, values.len())
    first = different.head(KINDS_FROM).to_list()
    return SniffedColumn(
        name=series.name,
        kind=_kind(first, dict.fromkeys(first, 1), words),
        examples=tuple(_cut(value) for value in first[:EXAMPLES]),
        distinct=different.len(),
        missing=series.len() - values.len(),
        filled=values.len(),
        mean_words=words,
        mean_chars=float(values.str.len_chars().sum()) / max(1, values.len()),
        top=values.alias("value").value_counts()["count"].max() or 0,  # type: ignore[arg-type]  # a column of numbers
    )


def shown(value: Any) -> str | None:
    """A value as text, or nothing where it is missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text if text.strip() else None


def _kind(values: Sequence[str], counts: Mapping[str, int], words: float) -> Kind:
    if not values:
        return "empty"
    if len(counts) == 1:
        return "constant"
    if _share(_DATE, counts) > 0.8:
        return "date"
    if _share(_NUMBER, counts) > 0.95:
        return "number"
    return "text" if words >= TEXT_WORDS else "words"


def _share(pattern: re.Pattern[str], counts: Mapping[str, int]) -> float:
    return sum(bool(pattern.fullmatch(value)) for value in counts) / len(counts)


def _cut(value: str) -> str:
    line = without_secrets(" ".join(value.split()))
    return line if len(line) <= EXAMPLE_CHARS else line[: EXAMPLE_CHARS - 1] + "…"
