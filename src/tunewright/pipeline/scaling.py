"""Numbers on their way into training and out of it: standardised by the training rows, and folded back at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tunewright.models.value_head import Scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.data.tokenize import TokenRows


def scale_of(rows: TokenRows) -> Scale | None:
    """Mean and standard deviation of the rows' numbers; None for rows whose targets are no numbers."""
    if rows.layout != "values" or rows.values_V is None:
        return None
    return Scale(float(rows.values_V.mean()), float(rows.values_V.std()) or 1.0)


def standardised(rows: Mapping[str, TokenRows]) -> dict[str, TokenRows]:
    """All splits with numbers of mean 0 and variance 1 on the training rows; rows of other layouts as they are."""
    scale = scale_of(rows["train"])
    if scale is None:
        return dict(rows)
    return {
        name: part
        if part.values_V is None
        else replace(part, values_V=np.asarray((part.values_V - scale.mean) / scale.deviation))
        for name, part in rows.items()
    }
