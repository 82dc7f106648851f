"""Rows of nearly equal text: tied together for the splits, told of, and dropped where the recipe says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.jaccard import jaccard
from tunewright.data.links import LINKS, NEAR, link_keys
from tunewright.data.near_clusters import near_clusters
from tunewright.data.private.redact import without_secrets
from tunewright.data.shingles import comparable, without_boilerplate
from tunewright.data.sift import Sifted, sift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.recipe.data import NearDuplicates

NEAR_TEXT = "near_text"
"""The column with the words that are compared (`data.shingles`); null where it has none."""
RULE = "near_duplicate"
LARGE_SHARE = 0.1
LARGE_ROWS = 20
PASSES = 64
"""Rows of one cluster that are kept at most before the others are kept unexamined: none leaves without a comparison."""

_TIE = "near:"
_BEHIND = {"train": ["validation", "test"], "validation": ["test"]}
"""Split to the splits that none of its rows may be like."""


@dataclass(frozen=True, slots=True)
class Near:
    """Which texts are near-duplicates of others."""

    clusters: pl.DataFrame
    """Of each text of a cluster of two or more its `content_key`, in NEAR_TEXT what was compared, and in NEAR the
    cluster's name: its least content key."""
    unfinished: int
    """Texts that were not compared with all others of their bucket."""


NOTHING_NEAR = Near(pl.DataFrame(schema=dict.fromkeys(("content_key", NEAR_TEXT, NEAR), pl.String)), 0)
"""What is found where nobody looks."""


def find_near(frames: Sequence[pl.DataFrame], spec: NearDuplicates) -> Near:
    """The clusters of near-duplicates among the rows (content key and input) of all frames together.

    Of equal content keys one text is compared, so that copies cost nothing. The rows' order plays no part.
    """
    held = pl.concat([frame.select("content_key", "input") for frame in frames])
    texts = held.sort("content_key", "input").unique("content_key", keep="first", maintain_order=True)
    words = comparable(without_boilerplate(texts["input"]))
    texts = texts.select("content_key", words.alias(NEAR_TEXT)).drop_nulls(NEAR_TEXT)
    found = near_clusters(texts[NEAR_TEXT], spec.threshold)
    named = texts.with_columns(texts["content_key"].gather(pl.Series(found.labels)).alias(NEAR))
    return Near(named.filter(pl.len().over(NEAR) > 1), found.unfinished)


def tied(rows: pl.DataFrame, near: Near) -> pl.DataFrame:
    """The rows with the columns NEAR and NEAR_TEXT, those of one cluster tied by a link key (`data.links`)."""
    if not near.clusters.height:
        return rows
    rows = untied(rows)  # those of an earlier run bear the names that its clusters had
    marked = rows.with_columns(link_keys(rows)).join(near.clusters, on="content_key", how="left", maintain_order="left")
    tie = pl.concat_list(LINKS, pl.concat_list(pl.lit(_TIE) + pl.col(NEAR)))
    return marked.with_columns(pl.when(pl.col(NEAR).is_null()).then(LINKS).otherwise(tie).alias(LINKS))


def untied(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without these columns: blocks of one document are divided in their order, whatever they are like."""
    return rows.drop(NEAR, NEAR_TEXT, LINKS, strict=False)


def named_by_kept(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with NEAR as splits keep it: by what is left of each cluster, so that rows that left decide nothing."""
    if NEAR not in rows.columns:
        return rows.with_columns(pl.lit(None, pl.String).alias(NEAR))
    key = pl.col("content_key")
    left = (
        rows.filter(pl.col(NEAR).is_not_null()).group_by(NEAR).agg(key.min().alias("least"), key.n_unique().alias("n"))
    )
    left = left.filter(pl.col("n") > 1).select(NEAR, "least")
    named = rows.join(left, on=NEAR, how="left", maintain_order="left")
    return named.with_columns(pl.col("least").alias(NEAR)).drop("least")


def leave_held_back(rows: pl.DataFrame) -> Sifted:
    """The rows (with their split) without those carved for training that are like a held-back one, and so on.

    They leave as `near_held_back`: of one document, the held-back stretches cannot take them in.
    """
    held = [pl.col(NEAR).filter(pl.col("split").is_in(splits)).drop_nulls().implode() for splits in _BEHIND.values()]
    straddles = [
        (pl.col("split") == split) & pl.col(NEAR).is_in(names).fill_null(value=False)
        for split, names in zip(_BEHIND, held, strict=True)
    ]
    leaves = pl.any_horizontal(straddles) & (pl.col("role") == "train")
    return sift(rows, keep=~leaves, reason="near_held_back")


def drop_near(rows: pl.DataFrame, spec: NearDuplicates | None) -> Sifted:
    """All rows, or one of those of a file that are alike and bear the same label or answer: the first, or the longest.

    A row leaves, as `near_duplicate`, only if its own similarity to a row that stays is at the threshold or above; of a
    chain in which each is like the next alone, several stay. Rows of a test file and frozen rows stay.
    """
    keep = pl.Series(np.ones(rows.height, dtype=bool))
    if spec is not None and spec.kind != "report" and NEAR in rows.columns:
        keep = pl.Series(_kept(rows, spec))
    return sift(rows, keep=keep, reason=RULE)


def _kept(rows: pl.DataFrame, spec: NearDuplicates) -> NDArray[np.bool_]:
    keep = np.ones(rows.height, dtype=bool)
    longest = pl.col("input").str.len_chars() if spec.kind == "keep_longest" else pl.lit(0)
    left = (
        rows.with_row_index("row")
        .filter(pl.col(NEAR_TEXT).is_not_null() & (pl.col("role") != "test"))
        .with_columns(longest.alias("length"), pl.col(NEAR_TEXT).alias("text"))
        .sort("frozen", "length", "row", descending=[True, True, False])
        .with_columns(pl.struct("role", NEAR, "target").rank("dense").alias("same"))
        .filter(pl.len().over("same") > 1)
        .select("row", "frozen", "text", "same")
    )
    for _ in range(PASSES):
        best = pl.col("same").is_first_distinct()  # in the order of preference
        stays, others = left.filter(best), left.filter(~best)
        if not others.height:
            break
        paired = others.join(stays.select("same", pl.col("text").alias("kept")), on="same", maintain_order="left")
        texts = pl.concat([paired["text"], paired["kept"]])
        numbers = np.arange(paired.height)
        alike = jaccard(texts, numbers, numbers + paired.height) >= spec.threshold
        leaves = paired["row"].filter(pl.Series(alike) & ~paired["frozen"])
        keep[leaves.to_numpy()] = False
        left = paired.drop("kept").filter(~pl.Series(alike) | paired["frozen"])
    return keep


def near_findings(rows: pl.DataFrame, near: Near, spec: NearDuplicates) -> list[Finding]:
    """How many rows are near-duplicates of others, and whether one cluster holds much of the data."""
    found = [_unfinished(near.unfinished)] if near.unfinished else []
    total = rows.height
    rows = alike_rows(rows)
    if not rows.height:
        return found
    clusters = rows[NEAR].n_unique()
    largest = rows.group_by(NEAR).len().sort("len", NEAR, descending=[True, False]).row(0)
    end = "they stay together in one split"
    if spec.kind != "report":
        end += f", and of those with one label or answer the {spec.kind.removeprefix('keep_')} is kept"
    message = (
        f"{counted(rows.height, 'row')} in {counted(clusters, 'cluster')} of near-duplicate texts (Jaccard of "
        f"5-character shingles at {spec.threshold:g} or above; the largest has {largest[1]:,}); {end}"
    )
    remedy = "write `data.near_duplicates: {kind: keep_first}` to keep one of each" if spec.kind == "report" else ""
    found.append(Finding(RULE, "note", message, rows.height, places(rows.select("source", "line").iter_rows()), remedy))
    if largest[1] >= max(LARGE_ROWS, LARGE_SHARE * total):
        found.append(_large(rows.filter(pl.col(NEAR) == largest[0]), total))
    return found


def alike_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that are like others: those whose only like are rows of an earlier run are no finding here."""
    if NEAR not in rows.columns:
        return rows.clear()
    several = pl.col("content_key").n_unique().over(NEAR) > 1
    return rows.filter(pl.col(NEAR).is_not_null() & several).sort(NEAR, "source", "line")


def largest_cluster(rows: pl.DataFrame) -> int:
    """How many rows the largest cluster of near-duplicates has; 0 where there is none."""
    return max(rows[NEAR].drop_nulls().value_counts()["count"], default=0) if NEAR in rows.columns else 0


def _large(cluster: pl.DataFrame, total: int) -> Finding:
    example = without_secrets(str(cluster["input"][0]))[:60]
    message = (
        f"one cluster of near-duplicates holds {cluster.height:,} of {total:,} rows ({cluster.height / total:.0%}), "
        f"like {example!r}: it goes to one split as a whole"
    )
    remedy = (
        "keep one of each with `data.near_duplicates: {kind: keep_first}`, raise its `threshold` where texts of one "
        "template mean different things, or turn it off with `data.near_duplicates: null`"
    )
    where = places(cluster.select("source", "line").iter_rows())
    return Finding("near_duplicate_cluster", "warning", message, cluster.height, where, remedy)


def _unfinished(texts: int) -> Finding:
    message = (
        f"{counted(texts, 'text')} are so much like others, and unlike one another, that they were not all compared: "
        "some near-duplicates among them may have been missed"
    )
    return Finding("near_duplicate_unfinished", "warning", message, texts, remedy="raise the threshold")
