"""Tuning the top layers of MiniLM on banking77: ours, with frozen layers computed once, against transformers' Trainer.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.train_frozen --json OUT [--pairs 3] [--epochs 3] [--layers 2]

Ours and the peer take turns (A B A B …) on the same rows and model, with the same layers frozen, batch size, passes and
rate. The figure is the median of the pairwise ratios of seconds for the whole training, with the smallest and the
largest. Ours is the stage `train` as a user waits for it: tokens, model, the cache filled anew, steps, one evaluation,
saving. The peer's is `Trainer.train()` alone. Accuracy and loss on the official test rows stand beside each. A third
figure is ours without the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import conditions, write_record
from benchmarks.train_classification import BATCH, Bench

RATE = 4e-4
"""What `lr: auto` takes for the top layers of a base of this size."""


def main() -> None:
    """Runs the pairs, prints a line for each and writes the record."""
    options = _options()
    bench = FrozenBench(Path(tempfile.mkdtemp(prefix="tunewright-frozen-")), options)
    rows = []
    for flags in options.flags:
        pairs = [bench.pair(flags, seed) for seed in range(1, options.pairs + 1)]
        rows.append({"peer": f"Trainer {flags}", **_figures(pairs), "pairs": pairs})
        print(f"{flags}: {rows[-1]['ratio']:.2f}x ({rows[-1]['ratio_min']:.2f} to {rows[-1]['ratio_max']:.2f})")
    settings = {"threads": options.threads, "epochs": options.epochs, "layers": options.layers}
    write_record(options.json, {"rows": rows, **conditions(batch=BATCH, lr=RATE, **settings)})


class FrozenBench:
    """The folder, recipe and rows of the classification benchmark, with the bottom layers frozen."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.bench = Bench(folder, 0, options.threads)
        self.layers, self.epochs = options.layers, options.epochs

    def pair(self, flags: str, seed: int) -> dict[str, Any]:
        """One training of each, in turn."""
        ours, peer = self.ours(seed, cache=True), self.peer(flags, seed)
        uncached = self.ours(seed, cache=False)
        found = {"seed": seed, "ours": ours, "uncached": uncached, "peer": peer}
        found |= {"ratio": peer["seconds"] / ours["seconds"], "gain": uncached["seconds"] / ours["seconds"]}
        print(f"{flags}, pair {seed}: ratio {found['ratio']:.2f}, cache {found['gain']:.2f}", flush=True)
        return found

    def ours(self, seed: int, *, cache: bool) -> dict[str, Any]:
        """The stage `train`, its cache empty at the start."""
        runs = self.bench.folder / "runs"
        shutil.rmtree(runs / ".cache" / "prefix", ignore_errors=True)
        extra = [
            f"train.method={{kind: top_layers, layers: {self.layers}}}",
            f"train.epochs={self.epochs}",
            f"train.optimizer.lr={RATE}",
            f"train.prefix_cache={str(cache).lower()}",
        ]
        steps = 10**6  # `epochs` ends it sooner
        answer = self.bench.ours(seed=seed, steps=steps, predict=True, extra=extra)
        manifest = json.loads((runs / f"ours{self.bench.count}" / "training" / "manifest.json").read_text())
        return answer | {"seconds": manifest["seconds"]}

    def peer(self, flags: str, seed: int) -> dict[str, Any]:
        """Trainer, its bottom layers frozen."""
        frozen = {"top_layers": self.layers, "epochs": self.epochs, "lr": RATE}
        return self.bench.trainer(flags, seed=seed, steps=-1, predict=True, extra=frozen)


def _figures(pairs: list[dict[str, Any]]) -> dict[str, float]:
    ratios, gains = ([pair[key] for pair in pairs] for key in ("ratio", "gain"))
    middle = statistics.median
    return {"ratio": middle(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios), "cache_gain": middle(gains)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--layers", type=int, default=2, help="how many of the topmost layers are trained")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--flags", nargs="+", default=["default", "best"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
