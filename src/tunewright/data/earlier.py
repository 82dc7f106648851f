"""The run whose tuned model is tuned further: its tests are kept out of training, some of its rows are replayed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import digest
from tunewright.core.rows import ROW_COLUMNS, Finding
from tunewright.core.seeds import generator
from tunewright.data.clusters import cluster_ids
from tunewright.data.derived import without_derived
from tunewright.data.faults import counted, places_of
from tunewright.data.links import LINKS, link_keys
from tunewright.data.sift import Sifted, sift
from tunewright.recipe.model import RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LINEAGE_COLUMNS = ("run", "split", "content_key", "group", "group_column")
"""Rows of earlier runs by their content: what a data folder keeps of all the runs that its model goes back to.

A conversation stands once for each of its link keys. `group_column` is the `data.group` of the run: groups of two runs
are compared only where both name the same column, for "1" of one column says nothing about "1" of another.
"""

RULE = "earlier_test"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The run that is tuned further."""

    run: str
    """Its name."""
    task: str
    train: pl.DataFrame
    """Its training rows, in SPLIT_COLUMNS."""
    test: pl.DataFrame
    """Its frozen test rows, likewise."""
    lineage: pl.DataFrame
    """The rows of all splits of it and of the runs that it goes back to itself, in LINEAGE_COLUMNS."""
    labels: tuple[str, ...]
    """The classes of its model in their order; empty for a task without classes, and for another task."""
    replay: float
    """Rows to mix in, as a share of the new training rows."""
    seed: int
    """Of the draw."""
    sha256: str
    """Hash of its rows."""
    group_column: str | None = None
    """The `data.group` of the recipe that tunes it further: what groups of new rows are groups of."""

    @property
    def tested(self) -> pl.DataFrame:
        """The test rows of all earlier runs, in LINEAGE_COLUMNS."""
        return self.lineage.filter(pl.col("split") == "test")

    @property
    def own_group_column(self) -> str | None:
        """The `data.group` of the run itself."""
        named = self.lineage.filter(pl.col("run") == self.run)["group_column"].drop_nulls()
        return str(named[0]) if named.len() else None


def lineage_of(
    run: str, splits: Sequence[pl.DataFrame], before: pl.DataFrame | None, *, group: str | None = None
) -> pl.DataFrame:
    """The rows of the run's splits (SPLIT_COLUMNS) and of what stood `before` them, in LINEAGE_COLUMNS.

    `group` is the run's `data.group`.
    """
    column = pl.lit(group, pl.String).alias("group_column")
    own = [
        rows.select(pl.lit(run).alias("run"), "split", link_keys(rows).alias("content_key"), "group", column).explode(
            "content_key"
        )
        for rows in splits
    ]
    return pl.concat([*own, *([] if before is None else [before.select(LINEAGE_COLUMNS)])]).unique(maintain_order=True)


def touching(rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """Whether each row shares a link key or a group with one of the others, directly or over other rows.

    A frame with a `group_column` has groups of that column only (null: of none); one without has none at all.
    """
    ids = cluster_ids(pl.concat([_ties(rows), _ties(others)]))
    return ids[: rows.height].is_in(ids[rows.height :].unique().implode())


def _ties(rows: pl.DataFrame) -> pl.DataFrame:
    """What `cluster_ids` asks for, of groups that bear the name of their column."""
    group = pl.concat_str("group_column", "group", separator="\x1f") if "group_column" in rows.columns else pl.lit(None)
    return rows.select("content_key", group.cast(pl.String).alias("group"), link_keys(rows).alias(LINKS))


def _of_column(rows: pl.DataFrame, column: str | None) -> pl.DataFrame:
    return rows.with_columns(pl.lit(column, pl.String).alias("group_column"))


def leave_earlier_tests(rows: pl.DataFrame, earlier: Earlier) -> tuple[Sifted, list[Finding]]:
    """The rows without those of an earlier test, and with the column `seen`: what the base was tuned on.

    Rows of this recipe's own frozen test (the column `frozen`) stay: nothing is trained on them either.
    """
    leaves = touching(_of_column(rows, earlier.group_column), earlier.tested) & ~rows["frozen"]
    sifted = sift(rows, keep=~leaves, reason=RULE)
    learned = earlier.lineage.filter(pl.col("split") != "test")
    kept = sifted.kept
    kept = kept.with_columns(touching(_of_column(kept, earlier.group_column), learned).alias("seen"))
    return Sifted(kept, sifted.dropped), [*_left(sifted.dropped, earlier), *_other_groups(earlier)]


def seen_findings(rows: pl.DataFrame, earlier: Earlier) -> list[Finding]:
    """A warning of test rows that the base was tuned on."""
    found = rows.filter((pl.col("split") == "test") & pl.col("seen"))
    if not found.height:
        return []
    message = (
        f"{counted(found.height, 'test row')} share a text or group with rows that run {earlier.run} was tuned on: "
        "scores on them will be too high"
    )
    remedy = "test on rows that no earlier run has seen"
    return [Finding("seen_test", "warning", message, found.height, places_of(found), remedy)]


def require_its_labels(rows: pl.DataFrame, earlier: Earlier) -> None:
    """Raises RecipeError where rows bear labels that the earlier run's model has no output for."""
    found = sorted({label for label in rows["target"] if label is not None})
    new = [label for label in found if label not in earlier.labels]
    if earlier.labels and new:
        given = (
            f"run {earlier.run} tells apart {', '.join(map(repr, earlier.labels))}; the data has "
            f"{', '.join(map(repr, found))}, of which {', '.join(map(repr, new))} would need a new head"
        )
        remedy = (
            "map the new labels with `data.label_map` or remove their rows; or tune from the first base on all data "
            "together"
        )
        raise RecipeError(Problem("model.name", given, "labels that the earlier run knows", remedy))


def draw_replay(
    rows: pl.DataFrame, earlier: Earlier, fits: Callable[[pl.DataFrame], pl.DataFrame]
) -> tuple[pl.DataFrame, list[Finding]]:
    """Earlier training rows to mix in, with the columns of `rows` (whose split is settled), and what to say of them.

    Rows are drawn by the seed; none whose text stands in the new rows, and none that shares a text or group with rows
    of validation or of any test. `fits` gives those of its rows that fit the context.
    """
    new = rows.filter(pl.col("split") == "train").height
    wanted = math.floor(earlier.replay * new + 0.5)
    drawn = _drawn(_candidates(rows, earlier), wanted, earlier.seed, fits)
    dressed = drawn.with_columns(
        pl.Series("row_id", [digest([earlier.run, row])[:32] for row in drawn["row_id"]], dtype=pl.String),
        source=pl.lit(f"{RUN}{earlier.run}/") + pl.col("source"),
        split=pl.lit("train"),
        role=pl.lit("train"),
        frozen=pl.lit(value=False),
        seen=pl.lit(value=True),
        **({} if earlier.own_group_column == earlier.group_column else {"group": pl.lit(None, pl.String)}),
    )
    absent = [pl.lit(None, rows.schema[name]).alias(name) for name in rows.columns if name not in dressed.columns]
    return dressed.with_columns(absent).select(rows.columns), _mixed(drawn.height, wanted, new, earlier)


def _candidates(rows: pl.DataFrame, earlier: Earlier) -> pl.DataFrame:
    held = _of_column(rows.filter(pl.col("split") != "train"), earlier.group_column)
    train = without_derived(earlier.train)
    own = _of_column(train, earlier.own_group_column)
    apart = train.filter(~touching(own, held) & ~touching(own, earlier.tested))
    return apart.filter(~pl.col("content_key").is_in(rows["content_key"].unique().implode())).sort("row_id")


def _drawn(
    candidates: pl.DataFrame, wanted: int, seed: int, fits: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """So many candidates that fit, in the order of the draw; fewer where there are no more."""
    order = generator(seed, "replay").permutation(candidates.height).tolist()
    taken, start = candidates.clear(), 0
    while taken.height < wanted and start < len(order):
        some = order[start : start + wanted - taken.height]
        start += len(some)
        taken = pl.concat([taken, fits(candidates[some])])
    return taken.select(ROW_COLUMNS)


def _left(dropped: pl.DataFrame, earlier: Earlier) -> list[Finding]:
    if not dropped.height:
        return []
    runs = ", ".join(earlier.tested["run"].unique(maintain_order=True))
    message = (
        f"{counted(dropped.height, 'row')} ({counted(dropped['content_key'].n_unique(), 'distinct text')}) share a "
        f"text or group with an earlier frozen test (of {runs}); they were dropped"
    )
    remedy = ""
    shared = (
        earlier.tested.filter(pl.col("group_column") == pl.lit(earlier.group_column, pl.String))["group"]
        .drop_nulls()
        .unique()
    )
    if dropped["group"].is_in(shared.implode()).any():
        remedy = (
            f"if the groups in {earlier.group_column!r} are others than those of the earlier run, rename the column: "
            "groups are compared only where both recipes name the same one"
        )
    return [Finding(RULE, "note", message, dropped.height, places_of(dropped), remedy)]


def _other_groups(earlier: Earlier) -> list[Finding]:
    """A warning of groups of earlier runs that were compared with nothing."""
    other = earlier.lineage.filter(
        pl.col("group").is_not_null() & pl.col("group_column").ne_missing(pl.lit(earlier.group_column, pl.String))
    )
    if not other.height:
        return []
    runs = ", ".join(other["run"].unique(maintain_order=True))
    names = ", ".join(map(repr, other["group_column"].unique(maintain_order=True)))
    own = "none" if earlier.group_column is None else repr(earlier.group_column)
    groups = other.select("group_column", "group").n_unique()
    message = (
        f"{counted(groups, 'group')} of earlier runs (of {runs}, data.group {names}) were not compared with the new "
        f"rows (data.group {own}): only texts were"
    )
    remedy = "if both mean the same groups, give the column the same name and write it as `data.group`"
    return [Finding("earlier_groups", "warning", message, groups, (), remedy)]


def _mixed(drawn: int, wanted: int, new: int, earlier: Earlier) -> list[Finding]:
    if not wanted:
        return []
    message = (
        f"{counted(drawn, 'training row')} of run {earlier.run} are mixed into {counted(new, 'new training row')} "
        f"(data.replay {earlier.replay:g})"
    )
    if drawn < wanted:
        message += f"; {wanted:,} were asked for, and it has no more that may be mixed in"
    return [Finding("replay", "note" if drawn == wanted else "warning", message, drawn)]
