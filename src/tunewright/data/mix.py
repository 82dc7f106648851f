"""Rows of other data sets for training alone: read, cleaned as all others, and drawn by weight."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem, RecipeError, did_you_mean
from tunewright.core.rows import Finding
from tunewright.core.seeds import generator
from tunewright.data.columns import resolve_columns
from tunewright.data.earlier import touching
from tunewright.data.faults import counted
from tunewright.data.read import read_table
from tunewright.data.shapes import columns_of
from tunewright.data.sift import Sifted, sift
from tunewright.data.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.recipe.data import DataSpec
    from tunewright.recipe.mix import Mixed

LEAKS, REPEATED, TOO_LONG, NOT_DRAWN = "mix_leak", "mix_repeated", "mix_overlength", "mix_not_drawn"
"""Rules by which rows of a mixed data set leave: they share a text or group with validation or test; their text stands
among the training rows; they do not fit the context; the weight asks for no more."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Rows of one data set to mix in, and all its others."""

    rows: pl.DataFrame
    """With the columns of the rows that they are mixed into."""
    dropped: pl.DataFrame
    """In DROPPED_COLUMNS."""
    finding: Finding


@dataclass(frozen=True, slots=True)
class MixedIn:
    """The rows with those of other data sets among the training rows."""

    rows: pl.DataFrame
    ledger: tuple[pl.DataFrame, ...]
    """What left and changed of the other data sets, in DROPPED_COLUMNS."""
    findings: tuple[Finding, ...]
    read: int
    """Records that they hold."""


Clean = Callable[[Sources], "tuple[pl.DataFrame, Sequence[pl.DataFrame]]"]
"""A data set to its rows, cleaned as all others are, and the record of what that took."""

Tie = Callable[[pl.DataFrame, pl.DataFrame], "tuple[pl.DataFrame, pl.DataFrame]"]
"""Rows of a data set, and those held back, to the same with near-duplicates among both tied by a link key."""

Fits = Callable[[pl.DataFrame], pl.DataFrame]
"""Rows to those of them that fit the context."""


def read_mix(spec: DataSpec, *, folder: Path, task: str, local_only: bool = False) -> list[Sources]:
    """The data sets of `data.mix`, each with its own columns, in order.

    Raises DataError with the faults of all of them together; RecipeError for columns that are absent or doubtful, and
    for a source that the recipe reads already.
    """
    taken = [source for source in (spec.train, spec.validation, spec.test) if source is not None]
    found: list[Sources] = []
    problems: list[Problem] = []
    for number, mixed in enumerate(spec.mix):
        if mixed.source in taken:
            given = f"names {mixed.source!r}, which the recipe reads already"
            raise RecipeError(Problem(f"data.mix.{number}.source", given, "another data set", "remove it"))
        taken.append(mixed.source)
        try:
            table = read_table(mixed.source, folder=folder, spec=spec, local_only=local_only)
        except DataError as fault:
            problems += fault.problems
            continue
        group = spec.group if spec.group in columns_of(table.frame) else None
        asked = {"train": mixed.source, "input": mixed.input, "target": mixed.target, "group": group}
        columns = resolve_columns(table, spec.model_copy(update={**asked, "time": None, "id": None}), task)
        found.append(Sources({"train": table}, columns, task))
    if problems:
        raise DataError(*problems)
    return found


def mix_in(  # noqa: PLR0913  # what is asked of the rows that come in, each by name
    rows: pl.DataFrame,
    parts: Sequence[Sources],
    spec: Sequence[Mixed],
    *,
    seed: int,
    clean: Clean,
    tie: Tie,
    fits: Fits,
) -> MixedIn:
    """The rows (split settled) with those drawn of each data set among the training rows.

    Raises DataError where one bears labels that the training rows do not have: nobody could test them.
    """
    train = rows.filter(pl.col("split") == "train")
    ledger: list[pl.DataFrame] = []
    findings: list[Finding] = []
    for part, mixed in zip(parts, spec, strict=True):
        own, taken = clean(part)
        if part.task == "classification":
            _require_known_classes(own, train["target"].unique().to_list(), mixed.source)
        wanted = math.floor(mixed.weight * train.height + 0.5)
        apart = _apart(own, rows, tie)
        drawn = _draw(apart, rows, mixed, wanted=wanted, seed=seed, fits=fits)
        rows = pl.concat([rows, drawn.rows])
        ledger += [*taken, drawn.dropped]
        findings.append(drawn.finding)
    read = sum(part.tables["train"].frame.height for part in parts)
    return MixedIn(rows, tuple(ledger), tuple(findings), read)


def _apart(own: pl.DataFrame, rows: pl.DataFrame, tie: Tie) -> Sifted:
    """The data set's `own` rows that share no text, no near-duplicate and no group with validation or test."""
    tied, held = tie(own, rows.filter(pl.col("split") != "train"))
    return sift(own, keep=~touching(_grouped(tied), _grouped(held)), reason=LEAKS)


def _draw(  # from which rows, and by what they are drawn
    apart: Sifted, rows: pl.DataFrame, mixed: Mixed, *, wanted: int, seed: int, fits: Fits
) -> _Drawn:
    """So many of the data set's rows, by the seed, to be joined to `rows` (whose split is settled).

    None has a text that stands among the training rows.
    """
    known = rows.filter(pl.col("split") == "train")["content_key"].unique()
    new = sift(apart.kept, keep=~pl.col("content_key").is_in(known.implode()), reason=REPEATED)
    fitting = sift(new.kept, keep=pl.col("row_id").is_in(fits(new.kept)["row_id"].implode()), reason=TOO_LONG)
    ordered = fitting.kept.sort("row_id")
    order = generator(seed, "mix", mixed.source).permutation(ordered.height).tolist()
    chosen = ordered["row_id"].gather(order[:wanted])
    drawn = sift(fitting.kept, keep=pl.col("row_id").is_in(chosen.implode()), reason=NOT_DRAWN)
    dropped = pl.concat([part.dropped for part in (apart, new, fitting, drawn)])
    finding = _finding(mixed, drawn.kept.height, wanted, Counter(dropped["rule"]))
    return _Drawn(_dressed(drawn.kept, rows), dropped, finding)


def _require_known_classes(own: pl.DataFrame, known: Sequence[str], source: str) -> None:
    """Raises DataError where the data set bears labels that the training rows do not have: none could be tested."""
    new = sorted(set(own["target"]) - set(known))
    if new:
        listed = ", ".join(f"{label!r}{did_you_mean(label, known)}" for label in new[:5])
        given = f"has {counted(len(new), 'label')} that no training row has: {listed}"
        remedy = "map them with `data.label_map`, or leave these rows out of the file"
        raise DataError(Problem(source, given, "labels of data.train", remedy))


def _grouped(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with groups of one column, as `touching` compares them."""
    return rows.with_columns(pl.lit("").alias("group_column"))


def _dressed(drawn: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The drawn rows with the columns that the others have got on their way."""
    settled = {"split": pl.lit("train"), "role": pl.lit("train"), "frozen": pl.lit(value=False)}
    marked = drawn.with_columns(**settled, **({"seen": pl.lit(value=False)} if "seen" in rows.columns else {}))
    absent = [pl.lit(None, rows.schema[name]).alias(name) for name in rows.columns if name not in marked.columns]
    return marked.with_columns(absent).select(rows.columns)


def _finding(mixed: Mixed, drawn: int, wanted: int, left: Counter[str]) -> Finding:
    message = f"{counted(drawn, 'row')} of {mixed.source} are mixed into the training rows (weight {mixed.weight:g})"
    if left[LEAKS]:
        message += f"; {left[LEAKS]:,} that share a text or group with validation or test left"
    if drawn < wanted:
        message += f"; {wanted:,} were asked for, and it has no more that may be mixed in"
    return Finding("mix", "warning" if drawn < wanted else "note", message, drawn)
