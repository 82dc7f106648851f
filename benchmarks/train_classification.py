"""Speed of tuning MiniLM on banking77: ours against transformers' Trainer, side by side in one run.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.train_classification --json OUT [--pairs 3] [--steps 100] [--flags best]

Ours and the peer take turns (A B A B …) after one warm-up each, on the same rows, model, steps, batch size and longest
length. The figure is the median of the pairwise ratios of examples/s, with the smallest and the largest. Quality on
the official test rows stands beside each. Rows of other peers that OUT holds already are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.quality_classification import PLAIN
from benchmarks.record import conditions, write_record
from tunewright.data.batching import WINDOW_BATCHES
from tunewright.starter.encoder import encoder_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
SKIP = WINDOW_BATCHES
"""Steps at the start that are not timed: first calls build kernels. One window of 50 batches, because Trainer's
`group_by_length` goes from the longest to the shortest rows within such a window: part of one would flatter it."""
BATCH, RATE = 32, 2e-4
TUTORIAL_STEPS = 2
"""Padding to 512 is so slow that a few steps must do; one of them is skipped, and quality is not compared."""


def main() -> None:
    """Runs the pairs, prints a table and writes the record."""
    options = _options()
    bench = Bench(Path(tempfile.mkdtemp(prefix="tunewright-speed-")), options.steps, options.threads)
    rows = []
    for flags in options.flags:
        steps = TUTORIAL_STEPS if flags == "tutorial" else options.steps
        bench.ours(seed=0, steps=options.steps, predict=False)
        bench.trainer(flags, seed=0, steps=steps, predict=False)
        pairs = []
        for seed in range(1, options.pairs + 1):
            quality = flags != "tutorial"  # beside the speed; quality_classification compares whole trainings
            ours = bench.ours(seed=seed, steps=options.steps, predict=quality)
            peer = bench.trainer(flags, seed=seed, steps=steps, predict=quality)
            pairs.append(
                {"seed": seed, "ours": ours, "peer": peer, "ratio": ours["examples_per_s"] / peer["examples_per_s"]}
            )
            print(f"{flags}, pair {seed}: ratio {pairs[-1]['ratio']:.2f}", flush=True)
        rows.append(_row(flags, pairs, steps=options.steps))
        print(_line(rows[-1]), flush=True)
    kept = json.loads(options.json.read_text())["rows"] if options.json.exists() else []
    rows = [*(row for row in kept if row["peer"] not in {row["peer"] for row in rows}), *rows]
    record = {"rows": rows, **conditions(threads=options.threads, steps=options.steps, batch=BATCH, lr=RATE)}
    write_record(options.json, record)


class Bench:
    """One folder, one recipe, one set of prepared rows."""

    def __init__(self, folder: Path, steps: int, threads: int) -> None:
        self.folder, self.steps, self.threads = folder, steps, threads
        self.recipe = folder / "banking77.yaml"
        self.recipe.write_bytes((ROOT / "recipes" / "banking77.yaml").read_bytes())
        datasets = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "banking77"
        self.sources = [f"data.{name}={datasets / name}.jsonl" for name in ("train", "test")]
        command = [sys.executable, "-m", "tunewright", "prepare", str(self.recipe), *self.sources, "name=rows"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.rows = folder / "runs" / "rows" / "data"
        self.count = 0

    def ours(self, *, seed: int, steps: int, predict: bool, extra: Sequence[str] = ()) -> dict[str, Any]:
        """Our training stage on these rows; `extra` overrides the recipe."""
        self.count += 1
        settings = [
            f"seed={seed}",
            f"name=ours{self.count}",
            f"train.max_steps={steps}",
            f"train.threads={self.threads}",
        ]
        settings += PLAIN
        settings += ["train.evaluate_every=100000", "train.checkpoint_every=epoch", "train.tensorboard=false"]
        request = {
            "recipe": str(self.recipe),
            "overrides": [*self.sources, *settings, *extra],
            "skip_steps": SKIP,
            "predict": predict,
        }
        return self._answer("benchmarks.ours_peer", request)

    def trainer(  # what differs between the peers, each by name
        self, flags: str, *, seed: int, steps: int, predict: bool, extra: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Trainer on these rows; `extra` goes over the request."""
        self.count += 1
        request = {
            "folder": str(self.folder / f"trainer{self.count}"),
            "data": str(self.rows),
            "labels": sorted(pl.read_parquet(self.rows / "train.parquet")["target"].unique().to_list()),
            "model": str(encoder_folder()),
            "flags": flags,
            "epochs": 8,
            "max_steps": steps,
            "batch_size": BATCH,
            "lr": RATE,
            "seed": seed,
            "threads": self.threads,
            "skip_steps": 1 if steps == TUTORIAL_STEPS else SKIP,
            "predict": predict,
            **(extra or {}),
        }
        found = self._answer("benchmarks.trainer_peer", request)
        found.pop("predicted", None)
        return found

    def _answer(self, module: str, request: dict[str, Any]) -> dict[str, Any]:
        ask, answer = (self.folder / f"{name}{self.count}.json" for name in ("ask", "answer"))
        ask.write_text(json.dumps(request))
        subprocess.run([sys.executable, "-m", module, str(ask), str(answer)], check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


def _row(flags: str, pairs: list[dict[str, Any]], *, steps: int) -> dict[str, Any]:
    ratios = [pair["ratio"] for pair in pairs]
    memory = [pair["ours"]["peak_mb"] / pair["peer"]["peak_mb"] for pair in pairs]
    return {
        "peer": f"Trainer {flags}",
        "steps": steps,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "memory_ratio": statistics.median(memory),
        "pairs": pairs,
    }


def _line(row: dict[str, Any]) -> str:
    def mean(side: str, key: str) -> str:
        values = [pair[side][key] for pair in row["pairs"] if pair[side].get(key) is not None]
        return f"{statistics.mean(values):.4f}" if values else "not compared"

    return (
        f"{row['peer']:17} {row['ratio']:7.2f}x ({row['ratio_min']:.2f} to {row['ratio_max']:.2f}), peak memory "
        f"{row['memory_ratio']:.2f}x; test accuracy ours {mean('ours', 'accuracy')}, peer {mean('peer', 'accuracy')}; "
        f"test loss ours {mean('ours', 'loss')}, peer {mean('peer', 'loss')}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2 * WINDOW_BATCHES, help="whole windows of 50 batches")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--flags", nargs="+", default=["default", "best", "tutorial"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
