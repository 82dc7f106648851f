"""Stage `evaluation`: the tuned model on the frozen test rows, beside the base and the baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.codec import from_data, to_data
from tunewright.core.files import read_json, write_json
from tunewright.core.results import Results
from tunewright.core.seeds import generator
from tunewright.data.store import read_profile, read_split
from tunewright.evaluation.evaluate import System, assemble
from tunewright.evaluation.gate import compared_metrics
from tunewright.evaluation.overfitting import read_gap
from tunewright.evaluation.settings import ScoreSettings
from tunewright.pipeline.baseline import SYSTEMS, current_baseline, read_baselines, system_title
from tunewright.pipeline.prepare import DATA, current_data
from tunewright.pipeline.stages import Done, Manifest, Stage, needed, run_stage
from tunewright.pipeline.store import class_predictions, write_predictions
from tunewright.pipeline.train import current_training
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from tunewright.core.predictions import ClassPredictions
    from tunewright.core.protocols import Classifier
    from tunewright.core.results import Gap
    from tunewright.core.rows import SplitName
    from tunewright.pipeline.context import Context
    from tunewright.recipe.judge import ConditionSpec

EVALUATION = Stage("evaluation", version=2)
GAP_ROWS = 2_000
"""Training rows scored for the gap: enough for an interval of two points, and seconds on a CPU."""


def evaluate(context: Context) -> Done:
    """The run's `evaluation/` holds the tuned model's predictions and the results of all systems."""
    inputs = _inputs(context)
    return run_stage(
        context.run, EVALUATION, lambda: _declares(context, inputs), lambda attempt: _build(context, attempt)
    )


def current_evaluation(context: Context) -> Manifest:
    """The manifest of this stage as it stands. Raises RunError where it must be built first."""
    return needed(context.run, EVALUATION, "evaluate", lambda: _declares(context, _inputs(context)))


def read_results(context: Context) -> Results:
    """The results of the run."""
    path = context.run.of(EVALUATION) / "results.json"
    return from_data(Results, read_json(path), place=str(path))


def gate_conditions(context: Context) -> list[ConditionSpec]:
    """The recipe's conditions, or the task's own."""
    own = context.recipe.gate.conditions
    return own if own is not None else context.task.conditions(read_profile(context.run.of(DATA)).imbalance_ratio)


def _inputs(context: Context) -> list[Manifest]:
    return [current_data(context), current_baseline(context), current_training(context)]


def _declares(context: Context, inputs: list[Manifest]) -> dict[str, Any]:
    return {
        "evaluation": context.recipe.evaluation.model_dump(mode="json"),
        "compared": list(compared_metrics(gate_conditions(context))),
        "seed": context.recipe.seed,
        "model": context.recipe.model.name,
        "device": pick_device(),
        "inputs": {manifest.stage: manifest.digest for manifest in inputs},
    }


def _build(context: Context, attempt: Path) -> None:
    profile = read_profile(context.run.of(DATA))
    spec, seed = context.recipe.evaluation, context.recipe.seed
    headline = context.task.headline(profile.imbalance_ratio)
    model = context.task.load_tuned(context.run.path / "model")
    tuned = context.task.predictor(model, context.tokenizer, device=pick_device())
    test = _predict(context, tuned, "test")
    write_predictions(attempt / "predictions.parquet", test)
    gap = _gap(context, tuned, test, ScoreSettings(spec.confidence, spec.resamples, seed), headline)
    roles = dict(SYSTEMS.values())
    systems = [System(n, system_title(context, n), roles[n], p) for n, p in read_baselines(context).items()]
    systems.append(System("tuned", system_title(context, "tuned"), "tuned", test))
    compared = list(dict.fromkeys(["accuracy", "macro_f1", *compared_metrics(gate_conditions(context))]))
    results = assemble(systems, headline=headline, spec=spec, seed=seed, gap=gap, compared=compared)
    write_json(attempt / "results.json", to_data(results))


def _gap(context: Context, tuned: Classifier, test: ClassPredictions, settings: ScoreSettings, metric: str) -> Gap:
    train = _predict(context, tuned, "train", most=GAP_ROWS)
    validation = _predict(context, tuned, "validation")
    return read_gap(train, validation, test, metric=metric, settings=settings)


def _predict(context: Context, tuned: Classifier, split: SplitName, most: int | None = None) -> ClassPredictions:
    frame = _sampled(read_split(context.run.of(DATA), split), most, context.recipe.seed)
    return class_predictions(frame, tuned.labels, tuned.probabilities(frame["input"].to_list()))


def _sampled(frame: pl.DataFrame, most: int | None, seed: int) -> pl.DataFrame:
    if most is None or frame.height <= most:
        return frame
    chosen = generator(seed, "gap").choice(frame.height, size=most, replace=False)
    sampled: pl.DataFrame = frame[np.sort(chosen).tolist()]
    return sampled
