"""Stage `gate`: whether the tuned model may ship, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.codec import from_data, to_data
from tunewright.core.files import read_json, write_json
from tunewright.core.results import GateResult
from tunewright.data.store import read_profile
from tunewright.evaluation.gate import judge
from tunewright.pipeline.evaluate import EVALUATION, gate_conditions, read_results
from tunewright.pipeline.prepare import DATA
from tunewright.pipeline.stages import Done, Stage, needed, run_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.context import Context

GATE = Stage("gate", version=1)


def gate(context: Context) -> Done:
    """The run's `gate/` holds the verdict with its reasons."""
    evaluation = needed(context.run, EVALUATION, "evaluate")
    ratio = read_profile(context.run.of(DATA)).imbalance_ratio

    def build(attempt: Path) -> None:
        result = judge(gate_conditions(context), read_results(context), imbalance_ratio=ratio)
        write_json(attempt / "gate.json", to_data(result))

    def declares() -> dict[str, object]:
        conditions = [condition.model_dump(mode="json") for condition in gate_conditions(context)]
        return {"conditions": conditions, "imbalance_ratio": ratio, "evaluation": evaluation.digest}

    return run_stage(context.run, GATE, declares, build)


def read_gate(context: Context) -> GateResult:
    """The verdict of the run."""
    path = context.run.of(GATE) / "gate.json"
    return from_data(GateResult, read_json(path), place=str(path))
