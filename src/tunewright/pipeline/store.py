"""Predictions on disk, row by row, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.predictions import ClassPredictions, TextPredictions
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


def write_texts(path: Path, predictions: TextPredictions) -> None:
    """The file holds one row a prompt: what was asked, the references, what was written and how likely they are."""
    pl.DataFrame(
        {
            "row_id": predictions.row_ids,
            "cluster": predictions.clusters,
            "prompt": predictions.prompts,
            "references": [list(references) for references in predictions.references],
            "text": predictions.texts,
            "stopped": predictions.stopped,
            "new_tokens": predictions.new_tokens,
            "nats": predictions.nats_N,
            "target_tokens": predictions.target_tokens_N,
            "target_bytes": predictions.target_bytes_N,
            "decoding": [predictions.decoding] * len(predictions.row_ids),
        },
        schema=TEXT_SCHEMA,
    ).write_parquet(path)


TEXT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String,
    "cluster": pl.String,
    "prompt": pl.String,
    "references": pl.List(pl.String),
    "text": pl.String,
    "stopped": pl.Boolean,
    "new_tokens": pl.Int64,
    "nats": pl.Float64,
    "target_tokens": pl.Int64,
    "target_bytes": pl.Int64,
    "decoding": pl.String,
}


def read_texts(path: Path) -> TextPredictions:
    """The predictions that `write_texts` wrote."""
    frame = pl.read_parquet(path)
    return TextPredictions(
        row_ids=tuple(frame["row_id"].to_list()),
        prompts=tuple(frame["prompt"].to_list()),
        references=tuple(tuple(references) for references in frame["references"].to_list()),
        texts=tuple(frame["text"].to_list()),
        stopped=tuple(frame["stopped"].to_list()),
        new_tokens=tuple(frame["new_tokens"].to_list()),
        nats_N=frame["nats"].to_numpy().astype(np.float64),
        target_tokens_N=frame["target_tokens"].to_numpy().astype(np.int64),
        target_bytes_N=frame["target_bytes"].to_numpy().astype(np.int64),
        clusters=tuple(frame["cluster"].to_list()),
        decoding=str(frame["decoding"][0]) if frame.height else "",
    )
