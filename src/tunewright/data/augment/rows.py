"""Training rows made of others: candidates by each method, those that something speaks against, and the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import Augmentation
from tunewright.core.seeds import child_seed
from tunewright.data.augment.checks import Around, checks, repeats_another
from tunewright.data.augment.methods import METHODS, Batch
from tunewright.data.derived import derived_id, derived_meta, without_derived
from tunewright.data.keys import content_keys
from tunewright.recipe.augment import method_name

if TYPE_CHECKING:
    from tunewright.core.protocols import RowEncoder
    from tunewright.data.augment.tools import Tools
    from tunewright.data.work import Request
    from tunewright.recipe.augment import AugmentSpec, MethodOfAugment

CANDIDATE_COLUMNS = ("row_id", "parent", "method", "number", "target", "parent_text", "input", "refused")
"""Of each text that a method was asked for; `input` is null where it made none or where the text holds what is private,
`refused` is the reason, null for a row that was added."""
REPEATED, ENOUGH, PRIVATE = "repeats", "enough", "private"


@dataclass(frozen=True, slots=True)
class Augmented:
    """What was added to the training rows."""

    added: pl.DataFrame
    """New rows in the columns of those they were made of."""
    made: tuple[Augmentation, ...] = ()
    candidates: pl.DataFrame | None = None
    """In CANDIDATE_COLUMNS; None where nothing was asked for."""


def augmented(rows: pl.DataFrame, request: Request, encoder: RowEncoder) -> Augmented:
    """New training rows, none of whose texts stands in validation or test, and an account of all that were tried.

    Rows that were made of others are no parents. What is made of a row depends on the seed and on its id alone. Raises
    what the tools raise, and RecipeError or DataError for a file of synonyms that cannot be read.
    """
    spec, tools = request.spec.augment, request.tools
    if spec is None or tools is None:
        return Augmented(rows.clear())
    train = rows.filter(pl.col("split") == "train")
    wanted = _wanted(train, spec)
    originals = without_derived(train)
    parents = originals.filter(pl.col("target").is_in(list(wanted)) if wanted is not None else pl.lit(value=True))
    tried = pl.concat([_candidates(parents, method, request, tools) for method in spec.methods])
    around = Around(_drawn(originals, request.seed, "fit"), rows.filter(pl.col("split") != "train"))
    left, refused = tried, list[pl.DataFrame]()
    for reason, check in checks(request.spec, around, tools, encoder):
        left = _leave(left, check(left), reason, refused) if left.height else left
    left = left.sort("draw", "row_id")  # which of two equal texts stays is the draw's choice, and not the order's
    left = _leave(left, repeats_another(left), REPEATED, refused)
    if wanted:
        goal = pl.col("target").replace_strict(wanted, return_dtype=pl.Int64)
        beyond = left.select((pl.int_range(pl.len()).over("target") >= goal).alias("beyond"))["beyond"]
        left = _leave(left, beyond, ENOUGH, refused)
    judged = pl.concat([left.with_columns(pl.lit(None, pl.String).alias("refused")), *refused])
    return Augmented(left.sort("row_id").select(rows.columns), _account(judged, spec), _listed(judged))


def _leave(some: pl.DataFrame, flags: pl.Series, reason: str, refused: list[pl.DataFrame]) -> pl.DataFrame:
    """The candidates that stay; the others go to `refused` with the reason."""
    flags = flags.fill_null(value=False)
    refused.append(some.filter(flags).with_columns(pl.lit(reason).alias("refused")))
    return some.filter(~flags)


def _wanted(train: pl.DataFrame, spec: AugmentSpec) -> dict[str, int] | None:
    """Label to the rows that it lacks, of those that lack some; None where as many as can be made are wanted."""
    if spec.per_class is None:
        return None
    counts = Counter(train["target"])
    return {label: spec.per_class - n for label, n in sorted(counts.items()) if n < spec.per_class}


def _drawn(rows: pl.DataFrame, seed: int, *name: str) -> pl.DataFrame:
    """The rows with a number each, by the seed and its id."""
    draws = [child_seed(seed, "augment", *name, row) for row in rows["row_id"]]
    return rows.with_columns(pl.Series("draw", draws, dtype=pl.Int64))


def _candidates(parents: pl.DataFrame, method: MethodOfAugment, request: Request, tools: Tools) -> pl.DataFrame:
    """Copies of the method's share of the rows, each with another text."""
    name = method_name(method)
    drawn = _drawn(parents, request.seed, name)
    place = pl.int_range(pl.len()).over("target", order_by="draw")
    chosen = drawn.filter(place < (pl.len().over("target") * method.share).ceil())
    return pl.concat([_copy(chosen, method, number, request, tools) for number in range(1, method.copies + 1)])


def _copy(parents: pl.DataFrame, method: MethodOfAugment, number: int, request: Request, tools: Tools) -> pl.DataFrame:
    """One new text of each row."""
    assert request.spec.augment is not None, "a method is of the recipe"
    name, root = method_name(method), request.seed
    batch = Batch(
        texts=parents["input"].to_list(),
        seeds=[child_seed(root, "augment", name, number, row) for row in parents["row_id"]],
        seed=child_seed(root, "augment", name, number),
        kept=frozenset(map(str.casefold, request.spec.augment.keep)),
        tools=tools,
        folder=request.folder,
    )
    texts = pl.Series("input", METHODS[type(method)](method, batch), dtype=pl.String)
    ids = [derived_id(row, name, number) for row in parents["row_id"]]
    metas = [derived_meta(meta, row, name, number) for row, meta in parents.select("row_id", "meta").iter_rows()]
    return parents.with_columns(
        pl.col("row_id").alias("parent"),
        pl.col("input").alias("parent_text"),
        pl.col("content_key").alias("parent_key"),
        pl.lit(name).alias("method"),
        pl.lit(number, pl.Int64).alias("number"),
        texts,
        pl.Series("content_key", content_keys(texts), dtype=pl.String),
        pl.Series("row_id", ids, dtype=pl.String),
        pl.Series("meta", metas, dtype=pl.String),
        pl.Series("draw", batch.seeds, dtype=pl.Int64),
    )


def _account(judged: pl.DataFrame, spec: AugmentSpec) -> tuple[Augmentation, ...]:
    found = []
    for name in map(method_name, spec.methods):
        own = judged.filter(pl.col("method") == name)
        kept = Counter(own.filter(pl.col("refused").is_null())["target"])
        refused = Counter(own["refused"].drop_nulls())
        found.append(Augmentation(name, own.height, dict(sorted(kept.items())), dict(sorted(refused.items()))))
    return tuple(found)


def _listed(judged: pl.DataFrame) -> pl.DataFrame:
    private = pl.col("refused") == PRIVATE
    shown = pl.when(private).then(None).otherwise(pl.col("input")).alias("input")
    return judged.with_columns(shown).sort("row_id").select(CANDIDATE_COLUMNS)
