"""Predictions on disk, row by row, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.predictions import ClassPredictions
from tunewright.data.clusters import cluster_ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def class_predictions(
    frame: pl.DataFrame, labels: Sequence[str], probabilities_NK: NDArray[np.float64]
) -> ClassPredictions:
    """The probabilities beside the rows they are of, with the clusters by which the rows were split."""
    index = {label: number for number, label in enumerate(labels)}
    return ClassPredictions(
        row_ids=tuple(frame["row_id"].to_list()),
        labels=tuple(labels),
        probabilities_NK=probabilities_NK,
        targets_N=np.array([index[target] for target in frame["target"].to_list()], dtype=np.int64),
        clusters=tuple(cluster_ids(frame)),
    )


def write_predictions(path: Path, predictions: ClassPredictions) -> None:
    """The file holds one row a prediction: id, cluster, true and predicted label, and a probability per label."""
    names = np.array(predictions.labels)
    frame = pl.DataFrame(
        {
            "row_id": predictions.row_ids,
            "cluster": predictions.clusters,
            "target": names[predictions.targets_N],
            "predicted": names[predictions.predicted_N],
            **{f"p:{label}": predictions.probabilities_NK[:, k] for k, label in enumerate(predictions.labels)},
        }
    )
    frame.write_parquet(path)


def read_predictions(path: Path) -> ClassPredictions:
    """The predictions that `write_predictions` wrote."""
    frame = pl.read_parquet(path)
    labels = tuple(name[2:] for name in frame.columns if name.startswith("p:"))
    index = {label: number for number, label in enumerate(labels)}
    return ClassPredictions(
        row_ids=tuple(frame["row_id"].to_list()),
        labels=labels,
        probabilities_NK=frame.select(f"p:{label}" for label in labels).to_numpy().astype(np.float64),
        targets_N=np.array([index[target] for target in frame["target"].to_list()], dtype=np.int64),
        clusters=tuple(frame["cluster"].to_list()),
    )
