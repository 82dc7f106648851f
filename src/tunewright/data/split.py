"""Which split each row goes to: whole clusters, drawn by their content, so that a file's order plays no part."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.data.clusters import Cluster, cluster_ids, clusters_of
from tunewright.data.strata import strata_of
from tunewright.data.times import instants
from tunewright.recipe.data import GroupSplit, TimeSplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.recipe.data import SplitSpec


@dataclass(frozen=True, slots=True)
class Carving:
    """Which splits are to be carved from the training file."""

    test: bool
    """Whether test rows are carved; rows that are frozen already are taken instead of a new draw."""
    validation: bool
    task: str = "classification"
    """What decides which shares are kept alike (`data.strata`)."""
    at_end: bool = False
    """Whether the rows are one document in order: then validation and test are its last stretches."""


@dataclass(frozen=True, slots=True)
class _Share:
    """One part to take out of the clusters."""

    share: float
    reserve: int
    """Clusters of each label to leave behind, where it has so many."""


def assign_splits(rows: pl.DataFrame, spec: SplitSpec, carving: Carving) -> pl.Series:
    """The split of each row of the training file: `train`, `validation` or `test`.

    Rows of one link key (`data.links`) or one group share a split; none that the base was tuned on (the column `seen`,
    where there is one) is drawn for the test. Each label that has two clusters or more stands in `train`
    (but for a split by time). The same rows in another order get the same splits, unless their order is what divides
    them. Raises DataError for times that cannot be read.
    """
    moments = instants(rows) if isinstance(spec, TimeSplit) else None
    if carving.at_end and moments is None:
        moments = [float(number) for number in range(rows.height)]
    ids = cluster_ids(rows)
    clusters = clusters_of(rows, ids, strata_of(rows, carving.task), seed=spec.seed, instants=moments)
    test = [cluster for cluster in clusters if cluster.frozen]
    if carving.test and not test:
        unseen = [cluster for cluster in clusters if not cluster.seen]
        test = _take(unseen, clusters, _Share(spec.test, 2 if carving.validation else 1), spec, carving)
    rest = _without(clusters, test)
    validation = _take(rest, clusters, _Share(spec.validation, 1), spec, carving) if carving.validation else []
    chosen = {cluster.id: "test" for cluster in test} | {cluster.id: "validation" for cluster in validation}
    return pl.Series("split", [chosen.get(cluster, "train") for cluster in ids], dtype=pl.String)


def _take(
    available: Sequence[Cluster], whole: Sequence[Cluster], part: _Share, spec: SplitSpec, carving: Carving
) -> list[Cluster]:
    if isinstance(spec, TimeSplit) or carving.at_end:
        return _latest(available, part.share * sum(cluster.rows for cluster in whole))
    return _drawn(available, whole, part, by_label=not isinstance(spec, GroupSplit))


def _latest(available: Sequence[Cluster], wanted: float) -> list[Cluster]:
    """The latest clusters up to the number of rows nearest to `wanted`, and at least one of several."""
    ordered = sorted(available, key=lambda cluster: (cluster.latest, cluster.priority), reverse=True)
    taken: list[Cluster] = []
    count = 0
    for cluster in ordered[:-1]:
        if taken and count + cluster.rows / 2 > wanted:
            break
        taken.append(cluster)
        count += cluster.rows
    return taken


def _drawn(available: Sequence[Cluster], whole: Sequence[Cluster], part: _Share, *, by_label: bool) -> list[Cluster]:
    """The clusters, in the order of the draw, that bring the part nearer to its share of each label.

    By label: each label that can spare a cluster stands in the part at least once. Otherwise only the number of rows
    counts.
    """
    totals = _label_rows(whole) if by_label else Counter({"": sum(cluster.rows for cluster in whole)})
    quota = {label: part.share * count for label, count in totals.items()}
    left = Counter(label for cluster in available for label in cluster.labels)
    reserve = {label: min(part.reserve, count - 1) if count > 1 else 1 for label, count in left.items()}
    taken: list[Cluster] = []
    held: Counter[str] = Counter()

    def take(cluster: Cluster) -> None:
        taken.append(cluster)
        for label in cluster.labels:
            left[label] -= 1
        for label, count in cluster.labels.items() if by_label else (("", cluster.rows),):
            held[label] += count

    def spared(cluster: Cluster) -> bool:
        return all(left[label] > reserve[label] for label in cluster.labels)

    for cluster in available:
        counts = cluster.labels if by_label else {"": cluster.rows}
        # The change of the squared distance to the quotas: negative when the cluster brings the part nearer.
        change = 0.0
        for label, count in counts.items():
            change += count * (2 * (held.get(label, 0) - quota[label]) + count)
        if change < 0 and spared(cluster):
            take(cluster)
    chosen = {cluster.id for cluster in taken}
    for cluster in sorted(available, key=lambda cluster: (cluster.rows, cluster.priority)):
        absent = any(held[label] == 0 for label in (cluster.labels if by_label else [""]))
        if absent and cluster.id not in chosen and spared(cluster):
            take(cluster)
    return taken


def _label_rows(clusters: Sequence[Cluster]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for cluster in clusters:
        for label, count in cluster.labels.items():  # many times as fast as `update` of one or two labels
            rows[label] += count
    return rows


def _without(clusters: Sequence[Cluster], taken: Sequence[Cluster]) -> list[Cluster]:
    chosen = {cluster.id for cluster in taken}
    return [cluster for cluster in clusters if cluster.id not in chosen]
