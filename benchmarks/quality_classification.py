"""Test accuracy and loss on banking77, ours and Trainer's on the same rows, several seeds, whole trainings.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.quality_classification --json OUT [--seeds 1 2 3] [--jobs 4]

All are tuned with the same rows, epochs, batch size, rate and schedule, on the accelerator where there is one. Ours
runs as `recipes/banking77.yaml` says, and `plain`: the peer's work, without what the recipe adds to it. Trainer runs as
its users run it (`default`, fp32) and with its best flags (`best`, bf16). Ours keeps the best checkpoint by the
validation rows, Trainer the last.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.record import conditions, write_record
from tunewright.core.codec import to_data
from tunewright.core.predictions import ClassPredictions
from tunewright.evaluation.paired import compare
from tunewright.evaluation.settings import ScoreSettings
from tunewright.pipeline.store import read_predictions
from tunewright.starter.encoder import encoder_folder

SYSTEMS = ["ours", "ours_plain", "trainer_default", "trainer_best"]
PLAIN = ("model.reads=own", "train.teacher=null", "train.ema=null", "train.r_drop=null")
"""What makes ours the peer's work: the architecture's own reading, labels alone, once through, the last weights."""
PARTS = ("train", "validation", "test")
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Runs what is asked for, prints a table and writes the record."""
    options = _options()
    datasets = Path(os.environ["TUNEWRIGHT_DATASETS"])
    work = Path(options.work or tempfile.mkdtemp(prefix="tunewright-quality-"))
    work.mkdir(parents=True, exist_ok=True)
    recipe = work / "banking77.yaml"
    recipe.write_bytes((ROOT / "recipes" / "banking77.yaml").read_bytes())
    sources = [f"data.{name}={datasets / 'banking77' / name}.jsonl" for name in ("train", "test")]
    data = _prepared(recipe, sources)

    def measured(job: tuple[int, str]) -> dict[str, Any]:
        seed, system = job
        if system.startswith("ours"):
            more = PLAIN if system == "ours_plain" else ()
            overrides = [f"seed={seed}", f"name={system}-{seed}", f"train.threads={options.threads}", *more]
            found = _ours(recipe, [*sources, *overrides])
        else:
            flags = system.removeprefix("trainer_")
            found = _trainer(work, data, flags=flags, seed=seed, threads=options.threads)
        row = {"system": system, "seed": seed, **found}
        print(f"{system:16} seed {seed}: test accuracy {row['accuracy']:.4f}, loss {row['loss']:.4f}", flush=True)
        return row

    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(measured, [(seed, system) for seed in options.seeds for system in options.systems]))
    means = {system: _means([row for row in rows if row["system"] == system]) for system in options.systems}
    for system, mean in means.items():
        print(f"{system:16} mean test accuracy {mean['accuracy']:.4f}, mean test loss {mean['loss']:.4f}")
    against = ("base", "tfidf_linear") if "ours" in options.systems else ()
    pooled = [_over_seeds(work, options.seeds, name) for name in against]
    counts = {name: pl.scan_parquet(data / f"{name}.parquet").select(pl.len()).collect().item() for name in PARTS}
    record = {"rows": rows, "means": means, "over_seeds": pooled, "counts": counts}
    record |= {"recipe": recipe.read_text(), **conditions(threads=options.threads)}
    write_record(options.json, record)


def _means(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {name: statistics.mean(row[name] for row in rows) for name in ("accuracy", "loss")}


def _prepared(recipe: Path, sources: list[str]) -> Path:
    """The rows of every system: the splits do not depend on the recipe's seed."""
    command = [sys.executable, "-m", "tunewright", "prepare", str(recipe), *sources, "name=rows"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return recipe.parent / "runs" / "rows" / "data"


def _over_seeds(work: Path, seeds: list[int], against: str) -> dict[str, Any]:
    """All seeds' tuned predictions against a baseline's: clusters of test rows are swapped whole, with all their seeds.

    The seeds share their test rows, so their p-values are not independent; this is one test for all of them.
    """
    runs = [work / "runs" / f"ours-{seed}" for seed in seeds]
    tuned = stacked([read_predictions(run / "evaluation" / "predictions.parquet") for run in runs])
    other = stacked([read_predictions(run / "baseline" / f"{against}.parquet") for run in runs])
    settings = ScoreSettings(confidence=0.95, resamples=10_000, seed=1)
    found = compare(tuned, other, metric="accuracy", system="tuned", against=against, settings=settings)
    gain = found.difference
    interval = f"{gain.low:+.4f} to {gain.high:+.4f}"
    print(f"over {len(seeds)} seeds, tuned minus {against}: {gain.value:+.4f} ({interval}), p = {found.p_value:.2g}")
    return dict(to_data(found))


def stacked(parts: list[ClassPredictions]) -> ClassPredictions:
    """The predictions of all seeds as one; a row's cluster is the same in each."""
    return ClassPredictions(
        row_ids=tuple(f"{row}/{seed}" for seed, part in enumerate(parts) for row in part.row_ids),
        labels=parts[0].labels,
        probabilities_NK=np.concatenate([part.probabilities_NK for part in parts]),
        targets_N=np.concatenate([part.targets_N for part in parts]),
        clusters=tuple(cluster for part in parts for cluster in part.clusters),
    )


def _ours(recipe: Path, overrides: list[str]) -> dict[str, Any]:
    """A whole `tunewright run`, with its comparisons."""
    command = [sys.executable, "-m", "tunewright", "run", str(recipe), *overrides, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    answer = json.loads(done.stdout)
    run = Path(answer["run"])
    results = json.loads((run / "evaluation" / "results.json").read_text())
    scores = {system["name"]: system["metrics"]["accuracy"] for system in results["systems"]}
    dropped = json.loads((run / "data" / "profile.json").read_text())["dropped"]
    tuned = read_predictions(run / "evaluation" / "predictions.parquet")
    true_N = tuned.probabilities_NK[np.arange(len(tuned.row_ids)), tuned.targets_N]
    return {
        "loss": float(-np.log(true_N).mean()),
        "accuracy": scores["tuned"]["value"],
        "interval": [scores["tuned"]["low"], scores["tuned"]["high"]],
        "baselines": {name: score["value"] for name, score in scores.items() if name != "tuned"},
        "p": {f"{c['against']} {c['metric']}": c["p_value"] for c in results["comparisons"]},
        "verdict": answer["verdict"],
        "dropped": dropped,
    }


def _trainer(work: Path, data: Path, *, flags: str, seed: int, threads: int) -> dict[str, Any]:
    """Trainer on the rows that `prepare` left for training."""
    labels = sorted(pl.read_parquet(data / "train.parquet")["target"].unique().to_list())
    request = {
        "folder": str(work / f"trainer-{flags}-{seed}"),
        "data": str(data),
        "labels": labels,
        "model": str(encoder_folder()),
        "flags": flags,
        "epochs": 8,
        "batch_size": 32,
        "lr": 2e-4,
        "seed": seed,
        "threads": threads,
        "predict": True,
    }
    ask, answer = (work / f"{name}-{flags}-{seed}.json" for name in ("ask", "answer"))
    asked = json.dumps(request)
    if not (answer.exists() and ask.read_text() == asked):  # with --work, what ended before is not run again
        ask.write_text(asked)
        command = [sys.executable, "-m", "benchmarks.trainer_peer", str(ask), str(answer)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(answer.read_text())
    del found["predicted"]
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--jobs", type=int, default=1, help="systems tuned at once: more than one only where cores abound"
    )
    parser.add_argument("--work", help="folder for runs, kept; a temporary one by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
