"""The splits in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.rows import Distribution, SplitProfile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.data.token_audit import TrainedFigures

BINS = 20


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


def split_profile(
    rows: pl.DataFrame,
    lengths: Sequence[int],
    *,
    max_tokens: int,
    labels: Mapping[str, int] | None = None,
    numbered: bool = False,
    trained: TrainedFigures | None = None,
) -> SplitProfile:
    """One split in figures; `lengths` are the rows' tokens, none where nothing measured them.

    `labels` are the rows of each label; `numbered` says that the targets are numbers.
    """
    return SplitProfile(
        rows=rows.height,
        labels=dict(sorted((labels or {}).items())),
        characters=distribution(rows["input"].str.len_chars().to_list()),
        tokens=distribution(lengths),
        overlength=sum(length > max_tokens for length in lengths),
        trained_tokens=trained.trained_tokens if trained else None,
        trained_share=trained.trained_share if trained else None,
        lost_tokens=trained.lost_tokens if trained else None,
        numbers=distribution(rows["target"].cast(pl.Float64).to_list()) if numbered else None,
    )


def imbalance(labels: Mapping[str, int]) -> float | None:
    """Rows of the largest class over rows of the smallest; unknown without rows."""
    return max(labels.values()) / min(labels.values()) if labels else None
