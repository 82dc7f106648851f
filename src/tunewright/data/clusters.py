"""Rows that must stay together: those of equal content key, near-duplicates, those of one group, and a conversation's
beginnings.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.seeds import child_seed
from tunewright.data.links import NEAR, link_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.data.strata import Strata


@dataclass(frozen=True, slots=True)
class Cluster:
    """Rows that go to one split as a whole."""

    id: str
    """The least content key among its rows: it does not depend on the rows' order."""
    labels: Mapping[str, int]
    """Label (or what else is spread alike, `data.strata`) to number of its rows; a row may bear several."""
    frozen: bool
    """Whether the frozen test holds it."""
    seen: bool
    """Whether the base was tuned on rows of it: it can be no test."""
    latest: float
    """The latest instant of its rows; 0 where the split does not ask."""
    priority: int
    """Its place in the draw, from the split's seed and its id alone."""
    rows: int
    """How many rows it has."""


def cluster_ids(rows: pl.DataFrame) -> pl.Series:
    """The id of each row's cluster: rows that share a link key, a group or, where the frame has the column NEAR, a
    cluster of near-duplicates, directly or over others, share it.

    Link keys (`data.links`) are the content key and, of a conversation, those of its earlier prompts. Rows are divided
    by these clusters, and the statistics count each that is in the test as one observation.
    """
    parents: dict[str, str] = {}

    def root(node: str) -> str:
        while parents.setdefault(node, node) != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    def tie(node: str, another: str) -> None:
        one, other = sorted((root(node), root(another)))
        parents[other] = one

    for column, mark in (("group", "g"), (NEAR, "n")):
        held = rows.select("content_key", column).drop_nulls().unique() if column in rows.columns else pl.DataFrame()
        for key, name in held.iter_rows():
            tie("k" + key, mark + name)
    tied = link_keys(rows)
    for first, *more in tied.filter(tied.list.len() > 1):
        for key in more:
            tie("k" + first, "k" + key)
    least: dict[str, str] = {}
    bound = [key for key in rows["content_key"].unique() if "k" + key in parents]  # the others stand for themselves
    for key in bound:
        top = root("k" + key)
        least[top] = min(key, least.get(top, key))
    names = {key: least[root("k" + key)] for key in bound}
    return rows["content_key"].replace(names).rename("cluster")


def clusters_of(
    rows: pl.DataFrame, ids: pl.Series, strata: Strata, *, seed: int, instants: list[float] | None = None
) -> list[Cluster]:
    """The clusters in the order of the draw; `strata` are what each row is to be spread by."""
    sizes: Counter[str] = Counter(ids)
    labels: dict[str, Counter[str]] = {}
    latest: dict[str, float] = {}
    frozen: dict[str, bool] = {}
    seen: dict[str, bool] = {}
    times = instants or [0.0] * rows.height
    known = rows["seen"] if "seen" in rows.columns else [False] * rows.height
    for cluster, borne, held, old, moment in zip(ids, strata, rows["frozen"], known, times, strict=True):
        counts = labels.setdefault(cluster, Counter())
        for label in borne:
            counts[label] += 1
        latest[cluster] = max(moment, latest.get(cluster, moment))
        frozen[cluster] = held or frozen.get(cluster, False)
        seen[cluster] = old or seen.get(cluster, False)
    found = [
        Cluster(name, counts, frozen[name], seen[name], latest[name], child_seed(seed, "split", name), sizes[name])
        for name, counts in labels.items()
    ]
    return sorted(found, key=lambda cluster: (cluster.priority, cluster.id))
