"""Labels that are in doubt, in the order in which a person should look at them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import atomic_write
from tunewright.data.clusters import cluster_ids
from tunewright.data.conflicts import conflicts
from tunewright.data.decisions import shown_text
from tunewright.data.labels import label_order
from tunewright.data.lock import read_lock
from tunewright.data.private.redact import without_secrets
from tunewright.evaluation.baselines import linear_probe, tfidf_linear
from tunewright.evaluation.label_errors import find_label_errors
from tunewright.evaluation.out_of_fold import OutOfFold, fold_numbers, out_of_fold
from tunewright.models.base import find_local
from tunewright.pipeline.prepare import prepared_rows
from tunewright.pipeline.unmeasured import Unmeasured

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.core.protocols import Embedder
    from tunewright.data.lock import Lock
    from tunewright.evaluation.out_of_fold import FitPredict
    from tunewright.pipeline.context import Context

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FOLDS = 5
PLACES = 4
"""Of probabilities in the list."""
PAIRS = 8
"""Pairs of labels that are told of."""
NOISY_C = 0.01
"""Inverse strength of the penalty where labels are in doubt: a stronger one than a probe's, or wrong ones are learned.

Measured on banking77, 5 % of the labels flipped: the top 5 % hold 90 % of them at 0.1, 93 % at 0.01, 92 % at 0.001.
"""
WORDS = "TF-IDF + logistic regression"


@dataclass(frozen=True, slots=True)
class LabelIssues:
    """The ranking, and what it rests on."""

    rows: pl.DataFrame
    """All training and validation rows, the least probable label first, those that could not be judged last; the
    columns that `data.decisions` reads among theirs."""
    test: pl.DataFrame
    """The test rows likewise, without a decision: nothing acts on them."""
    method: str
    """What gave the probabilities, in words."""
    folds: int
    to_freeze: bool
    """Whether the test is carved and not frozen yet, which it is to be before a review is followed."""

    @property
    def in_doubt(self) -> int:
        """Training and validation rows whose labels are in doubt: as many as confident learning counts as wrong."""
        return int(self.rows["in_doubt"].sum())

    @property
    def agreement(self) -> float | None:
        """Share of the judged rows whose own label the model finds likeliest: the lower, the less its doubts mean."""
        judged = self.rows.drop_nulls("label_probability")
        agrees = judged["label_probability"] >= judged["suggested_probability"]
        return float(agrees.sum()) / judged.height if judged.height else None

    @property
    def judged(self) -> int:
        """Training and validation rows that could be judged: the model knew their label from other rows."""
        return int(self.rows["label_probability"].is_not_null().sum())

    @property
    def to_review(self) -> pl.DataFrame:
        """Of the training and validation rows, those whose labels are in doubt or contradict another row's."""
        return self.rows.filter(pl.col("in_doubt") | (pl.col("conflicts") != ""))

    def to_show(self, count: int) -> list[dict[str, Any]]:
        """The first rows to review, their texts without secrets: they go to a terminal."""
        rows = self.to_review.head(count).to_dicts()
        return [{**row, "text": without_secrets(row["text"])} for row in rows]

    @property
    def pairs(self) -> list[tuple[str, str, int]]:
        """Given label, suggested label and rows, of the pairs that stand most often among those in doubt."""
        doubted = self.rows.filter("in_doubt")
        counts = Counter(zip(doubted["label"], doubted["suggested"], strict=True))
        return [(given, other, n) for (given, other), n in counts.most_common(PAIRS)]

    def as_dict(self) -> dict[str, Any]:
        """The ranking as JSON data, of the rows to review."""
        return {
            "method": self.method,
            "folds": self.folds,
            "rows": self.rows.height,
            "judged": self.judged,
            "in_doubt": self.in_doubt,
            "agreement": self.agreement,
            "test": {
                "rows": self.test.height,
                "in_doubt": int(self.test["in_doubt"].sum()),
                "frozen": not self.to_freeze,
            },
            "pairs": [{"label": given, "suggested": other, "rows": n} for given, other, n in self.pairs],
            "to_review": self.to_review.to_dicts(),
        }


def rank_label_issues(context: Context, *, folds: int = FOLDS) -> LabelIssues:
    """The recipe's rows by how much speaks against their labels; nothing is written.

    Each row is judged by a model of the other folds, rows that belong together being in one fold; test rows by a model
    of all training and validation rows. Raises RecipeError for a task without labels; else as `prepare` does.
    """
    if context.recipe.task != "classification":
        given = f"is {context.recipe.task}, whose rows bear no labels"
        raise RecipeError(Problem("task", given, "classification", "rank the labels of a recipe that has some"))
    context = _own_rows(context)
    here = find_local(context.recipe.model, context.folder) is not None  # nothing is fetched for a list of labels
    prepared = prepared_rows(context, None if here else Unmeasured())
    splits = prepared.splits
    own = pl.concat([splits["train"], splits["validation"]])
    texts, named = ([*own[name], *splits["test"][name]] for name in ("input", "target"))
    labels = label_order(named)
    targets_N = _targets(named, labels)
    embedder = _embedder(context) if here else None
    method = f"embeddings of {context.recipe.model.name} + logistic regression" if embedder else WORDS
    context.say(f"labels: judging {own.height:,} rows of {len(labels)} labels in {folds} folds by {method}")
    fit_predict = _fit_predict(context, embedder, texts, targets_N, labels)
    own_N, test_N = targets_N[: own.height], targets_N[own.height :]
    fold_N = fold_numbers(cluster_ids(own).to_list(), own_N, folds=folds, seed=context.recipe.seed)
    judged = out_of_fold(_told(context, fit_predict, folds), own_N, fold_N, classes=len(labels))
    unseen = fit_predict(np.arange(own.height), np.arange(own.height, len(texts)))
    test = OutOfFold(unseen, np.isin(test_N, own_N))
    return LabelIssues(
        rows=_ranked(own, judged, own_N, labels).with_columns(pl.lit("").alias("decision")),
        test=_ranked(splits["test"], test, test_N, labels),
        method=method,
        folds=folds,
        to_freeze=_is_new(prepared.lock, context),
    )


def require_free(path: Path, *, force: bool) -> None:
    """Raises RecipeError where a file stands, which may hold somebody's decisions, unless `force`."""
    if path.exists() and not force:
        remedy = "name another file with --out, or replace this one with --force"
        raise RecipeError(Problem(str(path), "stands there already, perhaps with decisions", "a new file", remedy))


def write_issues(path: Path, rows: pl.DataFrame) -> None:
    """The file holds the rows as CSV that a spreadsheet can open: marked as UTF-8, and no text is a formula."""
    cells = rows.with_columns(pl.Series("text", [shown_text(text) for text in rows["text"]], dtype=pl.String))
    atomic_write(path, cells.write_csv(include_bom=True, float_precision=PLACES).encode())


def _is_new(lock: Lock, context: Context) -> bool:
    """Whether the lock to be written holds a carved test that the one beside the recipe does not."""
    held = read_lock(context.lock_path).tests
    return any(test.kind == "carved" and name not in held for name, test in lock.tests.items())


def _own_rows(context: Context) -> Context:
    """The same run without balance and replay: every row of its own is judged, and once."""
    recipe = context.recipe
    replay = None if recipe.model.run is None else 0.0
    data = recipe.data.model_copy(update={"balance": None, "replay": replay})
    return replace(context, loaded=replace(context.loaded, recipe=recipe.model_copy(update={"data": data})))


def _embedder(context: Context) -> Embedder | None:
    """The base's embeddings; None for a base that is no encoder, or that an earlier run tuned on such labels."""
    from tunewright.inference.classify import TrunkEmbedder  # noqa: PLC0415  # brings torch in
    from tunewright.models.load import load_trunk  # noqa: PLC0415
    from tunewright.training.settings import pick_device  # noqa: PLC0415

    if context.facts.family != "encoder" or context.earlier is not None:
        return None
    return TrunkEmbedder(load_trunk(context.base.folder), context.tokenizer, device=pick_device())


def _fit_predict(
    context: Context, embedder: Embedder | None, texts: Sequence[str], targets_N: Ints, labels: Sequence[str]
) -> FitPredict:
    """A linear model on embeddings, made once, or on words and letters."""
    seed = context.recipe.seed
    if embedder is not None:
        vectors_ND = embedder.embed(texts)
        return lambda learn, judge: linear_probe(
            vectors_ND[learn], targets_N[learn], labels, seed=seed, strength=NOISY_C
        ).probabilities(vectors_ND[judge])
    return lambda learn, judge: tfidf_linear(
        [texts[n] for n in learn], targets_N[learn], labels, seed=seed
    ).probabilities([texts[n] for n in judge])


def _told(context: Context, fit_predict: FitPredict, folds: int) -> FitPredict:
    """The same, with a line at each fold."""
    done = iter(range(1, folds + 1))

    def told(learn: Ints, judge: Ints) -> Floats:
        context.say(f"labels: fold {next(done)} of {folds}: {len(judge):,} rows judged by {len(learn):,} others")
        return fit_predict(learn, judge)

    return told


def _targets(targets: Sequence[str], labels: Sequence[str]) -> Ints:
    number = {label: index for index, label in enumerate(labels)}
    return np.array([number[target] for target in targets], dtype=np.int64)


def _ranked(rows: pl.DataFrame, judged: OutOfFold, targets_N: Ints, labels: Sequence[str]) -> pl.DataFrame:
    """The rows in the order of review, with what speaks against their labels."""
    found = find_label_errors(targets_N, judged.probabilities_NK, judged.judged_N)
    at = np.arange(len(targets_N))
    named = rows.select(
        "source",
        "line",
        "split",
        "row_id",
        pl.col("input").alias("text"),
        pl.col("target").alias("label"),
    )
    told = named.with_columns(
        pl.Series("suggested", [labels[n] for n in found.suggested_N], dtype=pl.String),
        pl.Series("label_probability", found.score_N).fill_nan(None),
        pl.Series("suggested_probability", judged.probabilities_NK[at, found.suggested_N]),
        pl.Series("in_doubt", found.likely_N),
        conflicts(rows, cluster_ids(rows.with_columns(pl.lit(None, pl.String).alias("group")))),
    )
    known = pl.Series(judged.judged_N)
    facts = ("suggested", "suggested_probability")
    told = told.with_columns(pl.when(known).then(pl.col(name)).alias(name) for name in facts)
    ordered = told.sort("label_probability", "row_id", nulls_last=True)
    ranked: pl.DataFrame = ordered.select(pl.int_range(1, pl.len() + 1).alias("rank"), pl.all())
    return ranked
