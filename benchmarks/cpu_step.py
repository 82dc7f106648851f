"""Where the time of a training step on a CPU goes, and what attention and dropout cost by themselves.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.cpu_step --json OUT [--threads 2] [--steps 40]

Prints three tables: operators of MiniLM on banking77 as shares of the time inside operators, attention's forward and
backward pass by torch's fused kernel and by plain products, and dropout by torch and by ours, in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from benchmarks.quality_classification import PLAIN
from benchmarks.record import conditions, write_record
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe
from tunewright.training.attention import attend
from tunewright.training.dropout import LightDropout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tunewright.core.training import EvaluationReport, StepReport

ROOT = Path(__file__).resolve().parents[1]
SKIP = 20
"""Steps before the profile begins: first calls build kernels."""
SHAPES = ((32, 12, 16, 32), (16, 12, 64, 32), (8, 8, 128, 32), (8, 8, 256, 32), (8, 8, 384, 32), (4, 4, 512, 64))
"""Rows, heads, tokens and width of attention."""
TYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
REPEATS, TRIES = 6, 4
SHOWN = 16


class Causal(nn.Module):
    """What an attention function is told of its module, in train mode."""

    is_causal = True


class Profile:
    """An Observer: the operators of the steps behind the first `SKIP`."""

    def __init__(self, steps: int) -> None:
        self.last, self.profiler = (
            SKIP + steps,
            torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]),
        )

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Nothing is measured before the first step."""

    def on_step(self, report: StepReport) -> None:
        """Begins and ends the profile."""
        if report.step == SKIP:
            self.profiler.start()
        elif report.step == self.last:
            self.profiler.stop()

    def on_evaluation(self, report: EvaluationReport) -> None:
        """The one evaluation comes after the last step."""

    def on_end(self, reason: str) -> None:
        """Nothing is measured after the last step."""


def main() -> None:
    """Measures, prints the tables and writes the record."""
    options = _options()
    torch.set_num_threads(options.threads)
    record: dict[str, Any] = {"operators": operators(options.steps, options.threads)}
    for row in record["operators"]["shares"]:
        print(f"{row['operator']:32} {100 * row['share']:5.1f} %")
    print(f"{'all, milliseconds a step':32} {record['operators']['milliseconds']:5.1f}")
    record["attention"] = [attention(shape, name) for name in TYPES for shape in SHAPES]
    for row in record["attention"]:
        print(f"{row['type']} {row['shape']}: fused {row['fused']:.2f} ms, plain {row['plain']:.2f} ms")
    record["dropout"] = dropout()
    print(
        f"dropout of 512 x 384 in bf16: torch {record['dropout']['torch']:.2f}, ours {record['dropout']['ours']:.2f} ms"
    )
    write_record(options.json, record | conditions(threads=options.threads, steps=options.steps))


def operators(steps: int, threads: int) -> dict[str, Any]:
    """The operators that most time goes to in our training stage, as shares, and the milliseconds of a step."""
    folder = Path(tempfile.mkdtemp(prefix="tunewright-step-"))
    recipe = folder / "banking77.yaml"
    recipe.write_bytes((ROOT / "recipes" / "banking77.yaml").read_bytes())
    data = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "banking77"
    settings = [f"data.{name}={data / name}.jsonl" for name in ("train", "test")]
    settings += [f"train.max_steps={SKIP + steps}", f"train.threads={threads}", "train.tensorboard=false"]
    settings += ["train.evaluate_every=100000", "train.checkpoint_every=epoch", *PLAIN]
    profile = Profile(steps)
    run_stages(Context(load_recipe(recipe, settings), observers=(profile,)), ["prepare", "train"])
    found = sorted(profile.profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in found)
    shares = [{"operator": event.key, "share": event.self_cpu_time_total / total} for event in found[:SHOWN]]
    return {"shares": shares, "milliseconds": total / 1e3 / steps}


def attention(shape: tuple[int, ...], name: str) -> dict[str, Any]:
    """Milliseconds of causal attention's forward and backward pass, both ways."""
    parts = [torch.randn(shape).to(TYPES[name]).requires_grad_() for _ in range(3)]
    rows, heads, tokens, width = shape
    gradient = torch.randn(rows, tokens, heads, width).to(TYPES[name])

    def passes(function: Any) -> Callable[[], None]:
        return lambda: function(Causal(), *parts, None)[0].backward(gradient)

    found = {"fused": milliseconds(passes(sdpa_attention_forward)), "plain": milliseconds(passes(attend))}
    return {"type": name, "shape": list(shape), **found}


def dropout() -> dict[str, float]:
    """Milliseconds of dropout of one tensor, forward alone."""
    given, ours, theirs = torch.randn(512, 384).bfloat16(), LightDropout(0.1), nn.Dropout(0.1)
    return {"torch": milliseconds(lambda: theirs(given)), "ours": milliseconds(lambda: ours(given))}


def milliseconds(work: Callable[[], object]) -> float:
    """The least of a few tries, each the mean of a few calls."""
    work()
    tries = []
    for _ in range(TRIES):
        started = time.perf_counter()
        for _ in range(REPEATS):
            work()
        tries.append((time.perf_counter() - started) / REPEATS)
    return 1e3 * min(tries)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--steps", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    main()
