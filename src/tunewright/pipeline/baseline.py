"""Stage `baseline`: what the base and simple systems make of the frozen test rows, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tunewright.core.codec import to_data
from tunewright.core.files import write_json
from tunewright.data.store import read_profile, read_split
from tunewright.evaluation.baselines import linear_probe, majority, tfidf_linear
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.settings import ScoreSettings
from tunewright.inference.classify import TrunkEmbedder
from tunewright.models.load import load_trunk
from tunewright.pipeline.prepare import DATA, current_data
from tunewright.pipeline.stages import Done, Manifest, Stage, needed, run_stage
from tunewright.pipeline.store import class_predictions, read_predictions, write_predictions
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from tunewright.core.predictions import ClassPredictions
    from tunewright.pipeline.context import Context
    from tunewright.recipe.judge import BaselineName

    Probabilities = Callable[["Context", pl.DataFrame, pl.DataFrame, Sequence[str]], NDArray[np.float64]]

BASELINE = Stage("baseline", version=2)

SYSTEMS: Mapping[BaselineName, tuple[str, Literal["baseline", "base"]]] = {
    "majority": ("majority", "baseline"),
    "tfidf_linear": ("tfidf_linear", "baseline"),
    "probe": ("base", "base"),
}
"""Recipe's word to the system's name and role in the results."""


def baseline(context: Context) -> Done:
    """The run's `baseline/` holds each baseline's predictions and scores on the frozen test rows."""
    data = current_data(context)
    return run_stage(context.run, BASELINE, lambda: _declares(context, data), lambda attempt: _build(context, attempt))


def current_baseline(context: Context) -> Manifest:
    """The manifest of this stage as it stands. Raises RunError where it must be built first."""
    return needed(context.run, BASELINE, "baseline", lambda: _declares(context, current_data(context)))


def read_baselines(context: Context) -> dict[str, ClassPredictions]:
    """The predictions of the recipe's baselines, by system name."""
    folder = context.run.of(BASELINE)
    names = [SYSTEMS[word][0] for word in context.recipe.evaluation.baselines]
    return {name: read_predictions(folder / f"{name}.parquet") for name in names}


def system_title(context: Context, name: str) -> str:
    """How people read a system's name."""
    model = context.recipe.model.name
    titles = {
        "majority": "always the largest class",
        "tfidf_linear": "TF-IDF + logistic regression",
        "base": f"{model}, untuned + linear probe",
        "tuned": f"{model}, tuned",
    }
    return titles[name]


def _declares(context: Context, data: Manifest) -> dict[str, Any]:
    return {
        "baselines": context.recipe.evaluation.baselines,
        "confidence": context.recipe.evaluation.confidence,
        "resamples": context.recipe.evaluation.resamples,
        "seed": context.recipe.seed,
        "data": data.digest,
        "base": context.base.revision,
        "device": pick_device(),
    }


def _build(context: Context, attempt: Path) -> None:
    folder = context.run.of(DATA)
    train, test = read_split(folder, "train"), read_split(folder, "test")
    labels = read_profile(folder).labels
    spec = context.recipe.evaluation
    settings = ScoreSettings(spec.confidence, spec.resamples, context.recipe.seed)
    scores = []
    for word in spec.baselines:
        name, role = SYSTEMS[word]
        predictions = class_predictions(test, labels, BUILDERS[word](context, train, test, labels))
        write_predictions(attempt / f"{name}.parquet", predictions)
        scored = score_system(predictions, name=name, title=system_title(context, name), role=role, settings=settings)
        scores.append(scored)
        accuracy, macro = scored.metrics["accuracy"], scored.metrics["macro_f1"]
        context.say(
            f"baseline: {scored.title}: accuracy {accuracy.value:.3f}, macro F1 {macro.value:.3f}, n {accuracy.n}"
        )
    write_json(attempt / "scores.json", [to_data(scored) for scored in scores])


def _majority(context: Context, train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.float64]:  # noqa: ARG001
    return majority(_targets(train, labels), labels).probabilities(test["input"].to_list())


def _tfidf_linear(
    context: Context, train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]
) -> NDArray[np.float64]:
    texts = train["input"].to_list()
    model = tfidf_linear(texts, _targets(train, labels), labels, seed=context.recipe.seed)
    return model.probabilities(test["input"].to_list())


def _probe(context: Context, train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.float64]:
    embedder = TrunkEmbedder(load_trunk(context.base.folder), context.tokenizer, device=pick_device())
    vectors = embedder.embed(train["input"].to_list())
    model = linear_probe(vectors, _targets(train, labels), labels, seed=context.recipe.seed)
    return model.probabilities(embedder.embed(test["input"].to_list()))


BUILDERS: Mapping[BaselineName, Probabilities] = {
    "majority": _majority,
    "tfidf_linear": _tfidf_linear,
    "probe": _probe,
}
"""Recipe's word to what gives the test rows' probabilities from the training rows."""


def _targets(frame: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.int64]:
    index = {label: number for number, label in enumerate(labels)}
    return np.array([index[target] for target in frame["target"].to_list()], dtype=np.int64)
