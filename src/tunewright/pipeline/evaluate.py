"""Stage `evaluation`: the tuned model on the frozen test rows, beside the base and the baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.core.codec import from_data, to_data
from tunewright.core.files import read_json, write_json
from tunewright.core.results import Results
from tunewright.data.store import read_profile, read_split
from tunewright.evaluation.gate import compared_metrics
from tunewright.pipeline.baseline import current_baseline
from tunewright.pipeline.draws import require_draws_for
from tunewright.pipeline.judge import LIBRARIES
from tunewright.pipeline.prepare import DATA, current_data
from tunewright.pipeline.stages import Done, Manifest, Stage, needed, run_stage
from tunewright.pipeline.train import current_training
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.context import Context
    from tunewright.recipe.judge import ConditionSpec

EVALUATION = Stage("evaluation", version=8)


def evaluate(context: Context) -> Done:
    """The run's `evaluation/` holds the tuned model's predictions and the results of all systems."""
    inputs = _inputs(context)
    require_draws_for(context.recipe, lambda: read_split(context.run.of(DATA), "test"))

    def build(attempt: Path) -> None:
        write_json(attempt / "results.json", to_data(context.task.judge.score_tuned(context, attempt)))

    return run_stage(context.run, EVALUATION, lambda: _declares(context, inputs), build)


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
        "judge": context.task.judge.declares(context),
        "libraries": LIBRARIES,
        "inputs": {manifest.stage: manifest.digest for manifest in inputs},
    }
