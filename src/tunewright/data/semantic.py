"""Texts that say nearly the same in other words: pairs by the cosine of their embeddings, joined into clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.links import NEAR
from tunewright.data.near_clusters import joined
from tunewright.data.near_duplicates import NEAR_TEXT, Near, alike_rows
from tunewright.data.private.redact import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.core.protocols import Embedder
    from tunewright.recipe.data import SemanticDuplicates

COSINES_AT_ONCE = 1 << 25
"""Cosines that are held at a time."""
EXCERPT = 60

_FLOAT_ERROR = 1e-6
"""By so much a cosine of equal texts may fall short of 1."""


def find_semantic(frames: Sequence[pl.DataFrame], spec: SemanticDuplicates, embedder: Embedder) -> Near:
    """The clusters of texts that say the same, among the rows (content key and input) of all frames together.

    Of equal content keys one text is embedded. The rows' order plays no part.
    """
    held = pl.concat([frame.select("content_key", "input") for frame in frames]).drop_nulls("input")
    texts = held.sort("content_key", "input").unique("content_key", keep="first", maintain_order=True)
    labels = cosine_clusters(embedder.embed(texts["input"].to_list()), spec.threshold)
    named = texts.select(
        "content_key",
        pl.lit(None, pl.String).alias(NEAR_TEXT),
        texts["content_key"].gather(pl.Series(labels)).alias(NEAR),
    )
    return Near(named.filter(pl.len().over(NEAR) > 1), 0)


def cosine_clusters(vectors_ND: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Of each vector the least number of its cluster's, `[N]`: the connected components of all pairs whose cosine is at
    the threshold or above. A vector of zeros is like none.
    """
    norms_N1 = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    units_ND = np.divide(vectors_ND, norms_N1, out=np.zeros_like(vectors_ND), where=norms_N1 > 0)
    count = len(units_ND)
    labels = np.arange(count)
    step = max(1, COSINES_AT_ONCE // max(count, 1))
    for start in range(0, count, step):
        cosines = units_ND[start : start + step] @ units_ND[start:].T
        one, other = np.nonzero(np.triu(cosines >= threshold - _FLOAT_ERROR, k=1))
        pairs = np.stack([one, other], axis=1) + start
        labels = joined(labels, pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]])
    return labels


def united(near: Near, semantic: Near) -> Near:
    """The clusters of both: those with a text in common are one, named by its least content key."""
    held = pl.concat([near.clusters, semantic.clusters])
    keys = held.select("content_key").unique().sort("content_key").with_row_index("number")
    numbers = [held.join(keys, on="content_key", maintain_order="left")["number"]]
    numbers.append(held.select(NEAR).join(keys, left_on=NEAR, right_on="content_key", maintain_order="left")["number"])
    labels = joined(np.arange(keys.height), np.stack([each.to_numpy().astype(np.int64) for each in numbers], axis=1))
    names = keys.select("content_key", keys["content_key"].gather(pl.Series(labels)).alias(NEAR))
    compared = held.drop_nulls(NEAR_TEXT).select("content_key", NEAR_TEXT)
    return Near(
        names.join(compared, on="content_key", how="left", maintain_order="left").select(near.clusters.columns),
        near.unfinished,
    )


def semantic_findings(rows: pl.DataFrame, spec: SemanticDuplicates) -> list[Finding]:
    """How many rows (tied by these clusters alone) say the same as others, with a pair to judge the threshold by."""
    rows = alike_rows(rows)
    if not rows.height:
        return []
    clusters, largest = rows[NEAR].n_unique(), max(rows[NEAR].value_counts()["count"])
    pair = rows.filter(pl.col(NEAR) == pl.col(NEAR).first()).unique("content_key", maintain_order=True)["input"].head(2)
    shown = " and ".join(repr(without_secrets(text)[:EXCERPT]) for text in pair)
    message = (
        f"{counted(rows.height, 'row')} in {counted(clusters, 'cluster')} say nearly the same as others (cosine of the "
        f"embeddings of {spec.model} at {spec.threshold:g} or above; the largest has {largest:,}), such as {shown}; "
        "they stay together in one split"
    )
    where = places(rows.select("source", "line").iter_rows())
    remedy = "raise data.semantic_duplicates.threshold where these say different things"
    return [Finding("semantic_duplicate", "note", message, rows.height, where, remedy)]
