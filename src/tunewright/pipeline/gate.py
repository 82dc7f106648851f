"""Stage `gate`: whether the tuned model may ship, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.codec import from_data, to_data
from tunewright.core.files import read_json, write_json
from tunewright.core.results import GateResult
from tunewright.data.store import read_profile
from tunewright.evaluation.gate import judge
from tunewright.evaluation.gentler import gentler
from tunewright.pipeline.evaluate import current_evaluation, gate_conditions, read_results
from tunewright.pipeline.prepare import DATA
from tunewright.pipeline.stages import Done, Manifest, Stage, needed, run_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.context import Context

GATE = Stage("gate", version=5)


def gate(context: Context) -> Done:
    """The run's `gate/` holds the verdict with its reasons."""
    evaluation = current_evaluation(context)

    def build(attempt: Path) -> None:
        conditions, results = gate_conditions(context), read_results(context)
        result = judge(conditions, results, imbalance_ratio=_imbalance(context), train=context.recipe.train)
        write_json(attempt / "gate.json", to_data(result))

    return run_stage(context.run, GATE, lambda: _declares(context, evaluation), build)


def current_gate(context: Context) -> Manifest:
    """The manifest of this stage as it stands. Raises RunError where it must be built first."""
    return needed(context.run, GATE, "gate", lambda: _declares(context, current_evaluation(context)))


def _declares(context: Context, evaluation: Manifest) -> dict[str, object]:
    conditions = [condition.model_dump(mode="json") for condition in gate_conditions(context)]
    return {
        "conditions": conditions,
        "imbalance_ratio": _imbalance(context),
        "gentler": gentler(context.recipe.train),
        "evaluation": evaluation.digest,
    }


def _imbalance(context: Context) -> float | None:
    return read_profile(context.run.of(DATA)).imbalance_ratio


def read_gate(context: Context) -> GateResult:
    """The verdict of the run."""
    path = context.run.of(GATE) / "gate.json"
    return from_data(GateResult, read_json(path), place=str(path))
