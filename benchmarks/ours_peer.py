"""Tunewright's training stage as its users run it, in a process of its own: the other side of the peers.

python -m benchmarks.ours_peer REQUEST.json ANSWER.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.measure import peak_mb
from tunewright.pipeline.context import Context
from tunewright.pipeline.predict import load_classifier
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.core.training import EvaluationReport, StepReport


class Clock:
    """An Observer: seconds from the end of step `skip` to the end of the last step."""

    def __init__(self, skip: int) -> None:
        self.skip = skip
        self.began = self.ended = 0.0
        self.examples = self.targets = self.steps = 0

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Nothing is measured before the first step."""

    def on_step(self, report: StepReport) -> None:
        """Notes the time."""
        self.ended, self.steps = time.perf_counter(), report.step
        if report.step > self.skip:
            self.examples += report.examples
            self.targets += report.targets
        if report.step == self.skip:
            self.began = self.ended

    def on_evaluation(self, report: EvaluationReport) -> None:
        """The one evaluation comes after the last step."""

    def on_end(self, reason: str) -> None:
        """Nothing is measured after the last step."""


def main() -> None:
    """Trains as the request says; the answer holds speed, memory and quality on the test rows."""
    request: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    clock = Clock(request["skip_steps"])
    context = Context(load_recipe(Path(request["recipe"]), request["overrides"]), observers=(clock,))
    started = time.perf_counter()
    run_stages(context, ["prepare", "train"])
    answer: dict[str, Any] = {"seconds": time.perf_counter() - started, "steps": clock.steps}
    answer["peak_mb"] = peak_mb(request.get("device", "cpu"))
    answer["examples_per_s"] = clock.examples / (clock.ended - clock.began)
    answer["targets_per_s"] = clock.targets / (clock.ended - clock.began)
    if request["predict"]:
        model = load_classifier(context.run.path)
        test = pl.read_parquet(context.run.path / "data" / "test.parquet")
        probabilities = model.probabilities(test["input"].to_list())
        targets = np.array([list(model.labels).index(t) for t in test["target"].to_list()])
        answer["accuracy"] = float((probabilities.argmax(1) == targets).mean())
        answer["loss"] = float(-np.log(probabilities[np.arange(len(targets)), targets]).mean())
    answer["resolved"] = json.loads((context.run.path / "resolved.json").read_text())["resolved"]
    Path(sys.argv[2]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
