"""Rows that say the same and are labelled differently, named beside one another."""

from __future__ import annotations

import polars as pl

from tunewright.data.faults import at

SHOWN = 3


def conflicts(rows: pl.DataFrame, alike: pl.Series) -> pl.Series:
    """Of each row, the rows of another label among those that share its value in `alike`, in words; else empty.

    `alike` is the content key, or the cluster of rows whose texts are nearly the same.
    """
    marked = rows.select("source", "line", "target", alike.alias("alike")).with_row_index("row")
    torn = marked.filter(pl.col("target").n_unique().over("alike") > 1)
    words = [""] * rows.height
    for part in torn.partition_by("alike", maintain_order=True):
        held = part.to_dicts()
        for row in held:
            others = [f"{at(o['source'], o['line'])} {o['target']!r}" for o in held if o["target"] != row["target"]]
            more = f" and {len(others) - SHOWN:,} more" if len(others) > SHOWN else ""
            words[row["row"]] = ", ".join(others[:SHOWN]) + more
    return pl.Series("conflicts", words, dtype=pl.String)
