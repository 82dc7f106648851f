"""Whether augmentation helps: banking77 with 10 training rows a class, each method beside none, several seeds.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.augmentation --json OUT [--seeds 1 2 3] [--jobs 2]

All are tuned for the same number of steps, so that more rows are not more training, from the same rows of the seed: 10
a class to train on, 2 others a class to choose the checkpoint by. Scored are the official test rows. Methods that need
a model which does not come with the package (a masked-language-model head, translation models, a model that can be
asked) are not measured here.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.quality_classification import stacked
from benchmarks.record import conditions, write_record
from tunewright.core.codec import to_data
from tunewright.evaluation.paired import compare
from tunewright.evaluation.settings import ScoreSettings
from tunewright.pipeline.store import read_predictions

NONE = "none"
NEIGHBOURS = {"words": {"kind": "embeddings"}}
METHODS: dict[str, list[dict[str, Any]]] = {
    NONE: [],
    "deletion": [{"kind": "deletion"}],
    "swap": [{"kind": "swap"}],
    "insertion_embeddings": [{"kind": "insertion", **NEIGHBOURS}],
    "synonyms_embeddings": [{"kind": "synonyms", **NEIGHBOURS}],
    "typos": [{"kind": "typos"}],
    "casing": [{"kind": "casing"}],
    "all": [
        *({"kind": kind} for kind in ("deletion", "swap", "typos")),
        *({"kind": kind, **NEIGHBOURS} for kind in ("insertion", "synonyms")),
    ],
}
"""What each arm augments with; `all` is every method that made a row."""
PER_CLASS, VALIDATION_PER_CLASS = 10, 2


def main() -> None:
    """Runs what is asked for, prints a table and writes the record."""
    options = _options()
    work = Path(options.work or tempfile.mkdtemp(prefix="tunewright-augmentation-"))
    for seed in options.seeds:
        _write_rows(work / f"seed{seed}", seed)

    def measured(job: tuple[int, str]) -> dict[str, Any]:
        seed, method = job
        row = {"method": method, "seed": seed, **_run(work / f"seed{seed}", method, seed, steps=options.steps)}
        print(f"{method:22} seed {seed}: accuracy {row['accuracy']:.4f}, {row['rows']} training rows", flush=True)
        return row

    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(measured, [(seed, method) for seed in options.seeds for method in options.methods]))
    means = {m: statistics.mean(row["accuracy"] for row in rows if row["method"] == m) for m in options.methods}
    effects = [_effect(work, options.seeds, method) for method in options.methods if method != NONE]
    settings = {"steps": options.steps, "per_class": PER_CLASS, "validation_per_class": VALIDATION_PER_CLASS}
    record = {"rows": rows, "means": means, "effects": effects, **conditions(threads=1, **settings)}
    write_record(options.json, record)


def _write_rows(folder: Path, seed: int) -> None:
    """The seed's training and validation rows, drawn from the official training rows, and a recipe of them."""
    source = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "banking77"
    folder.mkdir(parents=True, exist_ok=True)
    by_label = defaultdict(list)
    for line in (source / "train.jsonl").read_text(encoding="utf-8").splitlines():
        by_label[json.loads(line)["label"]].append(line)
    draw = random.Random(seed)
    drawn = {label: draw.sample(lines, PER_CLASS + VALIDATION_PER_CLASS) for label, lines in sorted(by_label.items())}
    parts = {"train": slice(PER_CLASS), "validation": slice(PER_CLASS, None)}
    for name, part in parts.items():
        lines = [line for chosen in drawn.values() for line in chosen[part]]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    # So many epochs that `train.max_steps` ends every arm, however many rows it has.
    recipe = {
        "model": "starter/encoder",
        "data": {"train": "train.jsonl", "validation": "validation.jsonl", "test": str(source / "test.jsonl")},
        "task": "classification",
        "train": {
            "epochs": 1000.0,
            "threads": 1,
            "optimizer": {"lr": 2e-4},
            "early_stopping": None,
            "tensorboard": False,
        },
        "evaluation": {"baselines": ["majority"], "resamples": 100},
        "gate": {"conditions": [{"kind": "floor", "metric": "accuracy", "at_least": 0.5}]},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML


def _run(folder: Path, method: str, seed: int, *, steps: int) -> dict[str, Any]:
    """A whole `tunewright run` of one arm."""
    augment = {"methods": METHODS[method]} if METHODS[method] else None
    every = max(1, steps // 10)
    overrides = [
        f"data.augment={json.dumps(augment)}",
        f"seed={seed}",
        f"name={method}",
        f"train.max_steps={steps}",
        f"train.evaluate_every={every}",
        f"train.checkpoint_every={every}",
    ]
    command = [sys.executable, "-m", "tunewright", "run", str(folder / "recipe.yaml"), *overrides, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr)
    run = folder / "runs" / method
    profile = json.loads((run / "data" / "profile.json").read_text())
    results = json.loads((run / "evaluation" / "results.json").read_text())
    (tuned,) = (system for system in results["systems"] if system["name"] == "tuned")
    return {
        "accuracy": tuned["metrics"]["accuracy"]["value"],
        "rows": profile["splits"]["train"]["rows"],
        "augmented": profile["augmented"],
    }


def _effect(work: Path, seeds: list[int], method: str) -> dict[str, Any]:
    """All seeds' predictions with the method against those without: the test rows are the clusters, swapped whole."""
    with_it, without = (
        stacked(
            [read_predictions(work / f"seed{seed}" / "runs" / arm / "evaluation/predictions.parquet") for seed in seeds]
        )
        for arm in (method, NONE)
    )
    settings = ScoreSettings(confidence=0.95, resamples=10_000, seed=1)
    found = compare(with_it, without, metric="accuracy", system=method, against=NONE, settings=settings)
    gain = found.difference
    print(f"{method:22} minus none: {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}), p = {found.p_value:.2g}")
    return dict(to_data(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, each on one thread")
    parser.add_argument("--work", help="folder for runs, kept; a temporary one by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
