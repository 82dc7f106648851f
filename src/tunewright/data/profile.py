"""The splits in figures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.rows import Distribution, SplitProfile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from tunewright.core.protocols import Tokenizer

BINS = 20
ENCODED_AT_ONCE = 1000


def token_lengths(texts: Sequence[str], tokenizer: Tokenizer) -> list[int]:
    """Tokens of each text, special tokens included."""
    chunks = (texts[start : start + ENCODED_AT_ONCE] for start in range(0, len(texts), ENCODED_AT_ONCE))
    return [len(ids) for chunk in chunks for ids in tokenizer.encode(chunk)]


def distribution(values: Sequence[int] | Sequence[float]) -> Distribution | None:
    """The sample's shape, or nothing for an empty sample; quantiles are interpolated linearly."""
    if not values:
        return None
    sample = np.asarray(values, dtype=np.float64)
    p50, p95, p99 = (float(q) for q in np.quantile(sample, [0.5, 0.95, 0.99]))
    counts, edges = np.histogram(sample, bins=BINS)
    return Distribution(
        n=len(values),
        minimum=float(sample.min()),
        p50=p50,
        p95=p95,
        p99=p99,
        maximum=float(sample.max()),
        mean=float(sample.mean()),
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(count) for count in counts),
    )


def split_profile(rows: pl.DataFrame, lengths: Sequence[int], *, max_tokens: int) -> SplitProfile:
    """One split in figures; `lengths` are the rows' tokens."""
    return SplitProfile(
        rows=rows.height,
        labels=dict(sorted(Counter(rows["target"]).items())),
        characters=distribution(rows["input"].str.len_chars().to_list()),
        tokens=distribution(lengths),
        overlength=sum(length > max_tokens for length in lengths),
    )


def imbalance(labels: Mapping[str, int]) -> float | None:
    """Rows of the largest class over rows of the smallest; unknown without rows."""
    return max(labels.values()) / min(labels.values()) if labels else None
