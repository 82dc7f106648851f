"""What every room must know of a metric by its name alone."""

from __future__ import annotations

from typing import Final

LESS_IS_BETTER: Final = frozenset({"loss", "log_loss", "perplexity", "bits_per_byte", "rmse", "mse", "mae"})
"""Metrics of which a smaller value is the better one."""


def less_is_better(metric: str) -> bool:
    """Whether less of the metric is better; of all others more is, or neither."""
    return metric in LESS_IS_BETTER
