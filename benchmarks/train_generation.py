"""Speed of instruction tuning a small Llama on dolly_6k: ours against TRL's SFTTrainer, side by side in one run.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.train_generation --json OUT --peer-python PYTHON [--pairs 3] [--steps N]

Ours and the peer take turns (A B A B …) after one warm-up each, on the same rows, model, examples, batch size and
longest length. That both train on the same tokens is checked by a hash of all ids and labels. The figure is the
median of the pairwise ratios of target tokens/s, with the smallest and the largest; held-out loss, of both sides' saved
weights by one function, stands beside each. Rows of other peers, vocabularies and devices that OUT holds are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.record import conditions, write_record

if TYPE_CHECKING:
    from tunewright.pipeline.context import Context

ROOT = Path(__file__).resolve().parents[1]
SKIP = 50
"""Steps at the start that are not timed: one window of 50 batches, in which both sides sort rows by length."""
BATCH, RATE = 8, 1e-3
WARM_UP = 3
"""Steps of the runs before the first pair, of which nothing is kept."""
LEAST_STEPS = 2
EQUAL = 0.01
"""Our held-out loss may lie above the peer's by this share."""


def main() -> None:
    """Runs the pairs, prints a table and writes the record."""
    options = _options()
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    bench = Bench(Path(options.work or tempfile.mkdtemp(prefix="tunewright-generation-")), options)
    print(f"{bench.rows} rows, {bench.targets} target tokens an epoch; {bench.steps} steps of {BATCH} rows", flush=True)
    bench.ours(seed=0, steps=WARM_UP)
    rows = []
    for flags in options.flags:
        bench.trl(flags, seed=0, steps=WARM_UP, save=False)
        pairs = [bench.pair(flags, seed) for seed in range(1, options.pairs + 1)]
        rows.append(_row(flags, pairs, bench) | conditions(batch=BATCH, lr=RATE))
        print(_line(rows[-1]), flush=True)
        kept = json.loads(options.json.read_text())["rows"] if options.json.exists() else []
        done = {_key(row) for row in rows}
        record = {"rows": [*(row for row in kept if _key(row) not in done), *rows]}
        write_record(options.json, record)


class Bench:
    """One folder, one recipe, one base, one set of prepared rows."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.count = len(list(folder.glob("ask*.json")))  # a folder that is used again: a finished run trains no more
        folder.mkdir(parents=True, exist_ok=True)
        self.recipe = folder / "dolly.yaml"
        self.recipe.write_bytes((ROOT / "recipes" / "dolly.yaml").read_bytes())
        self.data = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "dolly_6k" / "dolly_6k.jsonl"
        own = Path(self.base).is_relative_to(folder)
        self.settings = [f"data.train={self.data}", *([f"model={self.base}"] if own else ())]
        command = [sys.executable, "-m", "tunewright", "prepare", str(self.recipe), *self.settings, "name=rows"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self._write_rows()

    @cached_property
    def base(self) -> str:
        """The folder of the untuned model."""
        from benchmarks.generation_rows import base_of  # noqa: PLC0415  # brings torch in, once its device is chosen

        texts = [text for line in self.data.read_text("utf-8").splitlines() for text in json.loads(line).values()]
        return str(base_of(self.options.vocabulary, texts, self.folder / f"llama-{self.options.vocabulary}"))

    @cached_property
    def context(self) -> Context:
        """The prepared run."""
        from tunewright.pipeline.context import Context  # noqa: PLC0415  # as above
        from tunewright.recipe.load import load_recipe  # noqa: PLC0415  # as above

        return Context(load_recipe(self.recipe, [*self.settings, "name=rows"]))

    def _write_rows(self) -> None:
        from benchmarks.generation_rows import row_fingerprint, token_rows, write_conversations  # noqa: PLC0415

        rows = token_rows(self.context, "train")
        write_conversations(self.context, rows, "train", self.folder / "rows.jsonl")
        self.rows, self.targets = len(rows), int(rows.trained_N.sum())
        self.fingerprint = row_fingerprint(rows)
        self.steps = self.options.steps or -(-self.rows // BATCH)
        self.skip = SKIP if self.steps >= 2 * SKIP else 1

    def pair(self, flags: str, seed: int) -> dict[str, Any]:
        """Ours, then the peer, with the quality of both."""
        from benchmarks.generation_rows import held_out_loss  # noqa: PLC0415  # as above

        ours = self.ours(seed=seed, steps=self.steps)
        peer = self.trl(flags, seed=seed, steps=self.steps, save=True)
        for answer in (ours, peer):
            answer["loss"] = held_out_loss(self.context, Path(answer.pop("model")))
        ratio = ours["targets_per_s"] / peer["targets_per_s"]
        losses = f"held-out loss {ours['loss']:.4f}, peer {peer['loss']:.4f}"
        print(f"TRL {flags}, pair {seed}: ratio {ratio:.2f}; {losses}", flush=True)
        return {"seed": seed, "ours": ours, "peer": peer, "ratio": ratio}

    def ours(self, *, seed: int, steps: int) -> dict[str, Any]:
        """Our training stage on these rows; `model` in the answer is where the tuned model lies."""
        self.count += 1
        name = f"ours{self.count}"
        settings = ["train.method.kind=full", f"train.batch_size={BATCH}", f"train.optimizer.lr={RATE}"]
        settings += [f"train.max_steps={steps}", f"train.evaluate_every={steps}", f"train.checkpoint_every={steps}"]
        settings += [f"train.threads={self.options.threads}", "train.tensorboard=false"]
        epochs = max(1, steps * BATCH // self.rows + 1)
        request = {
            "recipe": str(self.recipe),
            "overrides": [*self.settings, *settings, f"train.epochs={epochs}", f"seed={seed}", f"name={name}"],
            "skip_steps": self._skipped(steps),
            "predict": False,
            "device": self.options.device,
        }
        answer = self._answer(sys.executable, "benchmarks.ours_peer", request)
        if answer["resolved"]["device"] != self.options.device or answer["steps"] != steps:
            raise SystemExit(f"ours ran {answer['steps']} steps on {answer['resolved']['device']}, asked for {steps}")
        return answer | {"model": str(self.folder / "runs" / name / "model")}

    def trl(self, flags: str, *, seed: int, steps: int, save: bool) -> dict[str, Any]:
        """TRL on these rows; raises SystemExit where it would train on other tokens than ours."""
        self.count += 1
        request = {
            "folder": str(self.folder / f"trl{self.count}"),
            "rows": str(self.folder / "rows.jsonl"),
            "model": self.base,
            "flags": flags,
            "steps": steps,
            "skip_steps": self._skipped(steps),
            "batch_size": BATCH,
            "lr": RATE,
            "seed": seed,
            "threads": self.options.threads,
            "device": self.options.device,
            "save": save,
        }
        answer = self._answer(self.options.peer_python, "benchmarks.trl_peer", request)
        if (answer["targets"], answer.pop("fingerprint")) != (self.targets, self.fingerprint):
            raise SystemExit(f"TRL trains on {answer['targets']} targets, ours on {self.targets}, or on other tokens")
        return answer | {"model": request["folder"]}

    def _skipped(self, steps: int) -> int:
        return self.skip if steps == self.steps else 1

    def _answer(self, python: str, module: str, request: dict[str, Any]) -> dict[str, Any]:
        ask, answer = (self.folder / f"{name}{self.count}.json" for name in ("ask", "answer"))
        ask.write_text(json.dumps(request))
        command = [python, "-m", module, str(ask), str(answer)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{module} failed:\n{done.stderr[-4000:]}")
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


def _row(flags: str, pairs: list[dict[str, Any]], bench: Bench) -> dict[str, Any]:
    ratios = [pair["ratio"] for pair in pairs]
    loss = [pair["ours"]["loss"] / pair["peer"]["loss"] - 1 for pair in pairs]
    return {
        "peer": f"TRL {flags}",
        "vocabulary": bench.options.vocabulary,
        "device": bench.options.device,
        "threads": bench.options.threads,
        "steps": bench.steps,
        "skipped": bench.skip,
        "rows": bench.rows,
        "targets": bench.targets,
        "versions": pairs[0]["peer"]["versions"],
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "memory_ratio": statistics.median(pair["ours"]["peak_mb"] / pair["peer"]["peak_mb"] for pair in pairs),
        "loss_above_peer": statistics.median(loss),
        "equal_quality": statistics.median(loss) <= EQUAL,
        "pairs": pairs,
    }


def _key(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["peer"], row["vocabulary"], row["device"]


def _line(row: dict[str, Any]) -> str:
    quality = "equal quality" if row["equal_quality"] else "WORSE QUALITY"
    return (
        f"{row['peer']:12} vocabulary {row['vocabulary']:6} {row['device']}: {row['ratio']:6.2f}x "
        f"({row['ratio_min']:.2f} to {row['ratio_max']:.2f}), peak memory {row['memory_ratio']:.2f}x; held-out loss "
        f"{row['loss_above_peer']:+.2%} of the peer's: {quality}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has TRL; this one by default")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, help=f"steps of {BATCH} rows; one epoch by default")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--flags", nargs="+", choices=["default", "best", "packing"], default=["default", "best"])
    parser.add_argument("--vocabulary", type=int, default=8192, help="other than 8192: random weights, same shape")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--work", help="folder for runs, kept; a temporary one by default")
    options = parser.parse_args()
    if options.steps is not None and options.steps < LEAST_STEPS:
        parser.error(f"--steps must be at least {LEAST_STEPS}: the first is never timed")
    return options


if __name__ == "__main__":
    main()
