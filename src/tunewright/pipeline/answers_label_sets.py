"""Sets of labels as answers: who gives them, how they stand on disk, and how they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.errors import Problem, RunError
from tunewright.core.files import read_json, write_json
from tunewright.core.predictions import LabelSetPredictions
from tunewright.data.label_sets import labels_of, written
from tunewright.data.store import read_profile, read_split
from tunewright.evaluation.label_sets import DEFAULT_THRESHOLD, best_threshold, count_sets, set_scores
from tunewright.evaluation.set_baselines import label_shares, probe_sets, tfidf_sets
from tunewright.evaluation.set_gap import read_set_gap
from tunewright.inference.classify import TrunkEmbedder
from tunewright.inference.label_sets import LabelSetModel
from tunewright.models.load import load_trunk
from tunewright.pipeline.judge_counted import Answers, CountedJudge, Predict, names_of, tuned_model
from tunewright.pipeline.prepare import DATA
from tunewright.recipe.load import load_recipe
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tunewright.core.results import ClassScore
    from tunewright.pipeline.context import Context

    Probabilities = Callable[[pl.DataFrame], NDArray[np.float64]]

THRESHOLD = "threshold.json"
"""What a tuned model's probabilities are held against, beside its predictions."""


def write_sets(path: Path, predictions: LabelSetPredictions) -> None:
    """The file holds one row a prediction: id, cluster, true and predicted labels, and a probability per label."""
    frame = pl.DataFrame(
        {
            "row_id": predictions.row_ids,
            "cluster": predictions.clusters,
            "target": [predictions.names(row) for row in predictions.targets_NK],
            "predicted": [predictions.names(row) for row in predictions.predicted_NK],
            "threshold": [predictions.threshold] * len(predictions.row_ids),
            **{f"p:{label}": predictions.probabilities_NK[:, k] for k, label in enumerate(predictions.labels)},
        },
        schema_overrides={"target": pl.List(pl.String), "predicted": pl.List(pl.String)},
    )
    frame.write_parquet(path)


def read_sets(path: Path) -> LabelSetPredictions:
    """The predictions that `write_sets` wrote."""
    frame = pl.read_parquet(path)
    labels = tuple(name[2:] for name in frame.columns if name.startswith("p:"))
    return LabelSetPredictions(
        tuple(frame["row_id"].to_list()),
        labels,
        frame.select(f"p:{label}" for label in labels).to_numpy().astype(np.float64),
        _marks([written(target) for target in frame["target"]], labels),
        tuple(frame["cluster"].to_list()),
        float(frame["threshold"][0]) if frame.height else DEFAULT_THRESHOLD,
    )


def keep_threshold(context: Context, folder: Path, predictions: LabelSetPredictions) -> None:
    """The folder says which threshold the run's tuned model was tested with."""
    write_json(folder / THRESHOLD, [predictions.threshold, _trained(context.run.path)])


def threshold_of(run: Path) -> float | None:
    """The threshold of the run's tuned model: the one that it was tested with, else the number that its recipe fixes;
    None where that is still to be found.

    Raises RunError where it was tuned for another training's model.
    """
    path = run / "evaluation" / THRESHOLD
    if not path.is_file():
        fixed = load_recipe(run / "recipe.yaml").recipe.evaluation.threshold
        return None if fixed == "tuned" else fixed
    threshold, trained = read_json(path)
    if trained != _trained(run):
        given, expected = "was found for another training's model", "the threshold of the model that stands there"
        raise RunError(Problem(str(path), given, expected, "test this one: `tunewright evaluate RECIPE`"))
    return float(threshold)


def _trained(run: Path) -> str | None:
    """The key of the training whose model stands in the run; None where none does."""
    path = run / "training" / "manifest.json"
    return str(read_json(path)["key"]) if path.is_file() else None


def _predict(context: Context, probabilities: Probabilities) -> Predict:
    """What gives predictions under the recipe's threshold, or under the one that serves the validation rows best."""
    labels = read_profile(context.run.of(DATA)).labels
    asked = context.recipe.evaluation.threshold

    def under(frame: pl.DataFrame, threshold: float) -> LabelSetPredictions:
        rows, clusters = names_of(frame)
        targets_NK = _marks(frame["target"].to_list(), labels)
        return LabelSetPredictions(rows, labels, probabilities(frame), targets_NK, clusters, threshold)

    if asked != "tuned":
        return lambda frame: under(frame, asked)
    chosen = best_threshold(under(read_split(context.run.of(DATA), "validation"), DEFAULT_THRESHOLD))
    return lambda frame: under(frame, chosen)


def _tuned(context: Context) -> Predict:
    model = LabelSetModel(tuned_model(context), context.tokenizer, device=pick_device())
    return _predict(context, lambda frame: model.probabilities(frame["input"].to_list()))


def _shares(context: Context, train: pl.DataFrame) -> Predict:
    model = label_shares(_targets(context, train))
    return _predict(context, lambda frame: model.probabilities(frame["input"].to_list()))


def _tfidf(context: Context, train: pl.DataFrame) -> Predict:
    model = tfidf_sets(train["input"].to_list(), _targets(context, train), seed=context.recipe.seed)
    return _predict(context, lambda frame: model.probabilities(frame["input"].to_list()))


def _probe(context: Context, train: pl.DataFrame) -> Predict:
    embedder = TrunkEmbedder(load_trunk(context.base.folder), context.tokenizer, device=pick_device())
    vectors = embedder.embed(train["input"].to_list())
    model = probe_sets(vectors, _targets(context, train), seed=context.recipe.seed)
    return _predict(context, lambda frame: model.probabilities(embedder.embed(frame["input"].to_list())))


def _targets(context: Context, frame: pl.DataFrame) -> NDArray[np.bool_]:
    return _marks(frame["target"].to_list(), read_profile(context.run.of(DATA)).labels)


def _marks(targets: Sequence[str], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each row bears each label, `[N, K]`."""
    index = {label: number for number, label in enumerate(labels)}
    marks_NK = np.zeros((len(targets), len(labels)), dtype=np.bool_)
    for row, target in enumerate(targets):
        marks_NK[row, [index[label] for label in labels_of(target)]] = True
    return marks_NK


def _per_label(predictions: LabelSetPredictions, level: float) -> tuple[ClassScore, ...]:
    return set_scores(count_sets(predictions), predictions.labels, level)


def _warnings(predictions: LabelSetPredictions) -> Sequence[str]:
    if predictions.row_ids and not predictions.predicted_NK.any():
        return (
            f"The tuned model gives no test row any label at the threshold {predictions.threshold:g}: train it "
            "further, or write `evaluation.threshold: tuned`.",
        )
    return ()


LABEL_SETS = CountedJudge(
    Answers(
        task="multilabel",
        systems={
            "majority": ("majority", "baseline", "always the labels' shares"),
            "tfidf_linear": ("tfidf_linear", "baseline", "TF-IDF + logistic regressions"),
            "probe": ("base", "base", "{base} + linear probes"),
        },
        fit={"majority": _shares, "tfidf_linear": _tfidf, "probe": _probe},
        tuned=_tuned,
        write=write_sets,
        read=read_sets,
        keep=keep_threshold,
        count=count_sets,
        per_class=_per_label,
        gap=read_set_gap,
        warnings=_warnings,
        said=("micro_f1", "macro_f1"),
    )
)
