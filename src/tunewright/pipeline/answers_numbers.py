"""Numbers as answers: who gives them, how they stand on disk, and how they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.predictions import ValuePredictions
from tunewright.evaluation.number_baselines import mean_number, ridge_probe, tfidf_ridge
from tunewright.evaluation.number_gap import read_number_gap
from tunewright.evaluation.numbers import count_numbers
from tunewright.inference.classify import TrunkEmbedder
from tunewright.inference.values import ValueModel
from tunewright.models.load import load_trunk
from tunewright.pipeline.judge_counted import Answers, CountedJudge, Predict, names_of, tuned_model
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.pipeline.context import Context


def number_predictions(frame: pl.DataFrame, predicted_N: NDArray[np.float64]) -> ValuePredictions:
    """The numbers beside the rows they are of, with the clusters by which the rows were split."""
    rows, clusters = names_of(frame)
    return ValuePredictions(rows, predicted_N, _targets(frame), clusters)


def write_numbers(path: Path, predictions: ValuePredictions) -> None:
    """The file holds one row a prediction: id, cluster, true and predicted number."""
    columns = {
        "row_id": predictions.row_ids,
        "cluster": predictions.clusters,
        "target": predictions.targets_N,
        "predicted": predictions.predicted_N,
    }
    pl.DataFrame(columns).write_parquet(path)


def read_numbers(path: Path) -> ValuePredictions:
    """The predictions that `write_numbers` wrote."""
    frame = pl.read_parquet(path)
    given_N, true_N = (frame[name].to_numpy().astype(np.float64) for name in ("predicted", "target"))
    return ValuePredictions(tuple(frame["row_id"].to_list()), given_N, true_N, tuple(frame["cluster"].to_list()))


def _tuned(context: Context) -> Predict:
    model = ValueModel(tuned_model(context), context.tokenizer, device=pick_device())
    return lambda frame: number_predictions(frame, model.values(frame["input"].to_list()))


def _mean(_context: Context, train: pl.DataFrame) -> Predict:
    model = mean_number(_targets(train))
    return lambda frame: number_predictions(frame, model.values(np.zeros((frame.height, 1))))


def _tfidf(context: Context, train: pl.DataFrame) -> Predict:
    model = tfidf_ridge(train["input"].to_list(), _targets(train), seed=context.recipe.seed)
    return lambda frame: number_predictions(frame, model.values(frame["input"].to_list()))


def _probe(context: Context, train: pl.DataFrame) -> Predict:
    embedder = TrunkEmbedder(load_trunk(context.base.folder), context.tokenizer, device=pick_device())
    model = ridge_probe(embedder.embed(train["input"].to_list()), _targets(train))
    return lambda frame: number_predictions(frame, model.values(embedder.embed(frame["input"].to_list())))


def _targets(frame: pl.DataFrame) -> NDArray[np.float64]:
    return frame["target"].cast(pl.Float64).to_numpy()


NUMBERS = CountedJudge(
    Answers(
        task="regression",
        systems={
            "mean": ("mean", "baseline", "always the mean"),
            "tfidf_linear": ("tfidf_linear", "baseline", "TF-IDF + ridge regression"),
            "probe": ("base", "base", "{base} + linear probe"),
        },
        fit={"mean": _mean, "tfidf_linear": _tfidf, "probe": _probe},
        tuned=_tuned,
        write=write_numbers,
        read=read_numbers,
        keep=lambda _context, _folder, _predictions: None,
        count=count_numbers,
        per_class=lambda _predictions, _level: (),
        gap=read_number_gap,
        warnings=lambda _predictions: (),
        said=("rmse", "pearson"),
    )
)
