"""Speed of writing answers and of scoring labels for evaluation: ours against transformers, side by side in one run.

    TUNEWRIGHT_DATASETS=… python -m benchmarks.generate_speed --json OUT [--pairs 3] [--examples 128] [--model FOLDER]

Ours and the peer take turns (A B A B …) in one process after one warm-up each, with the same model in fp32 and the
same prompts, from texts to texts. Answers are greedy. That the texts are the same is checked, and so are the
probabilities of labels. In batches of other shapes rounding can tip a near tie: a hundredth of the texts may differ,
and the share is recorded. Without `--model` the model is the starter LM, tuned on dolly_6k for a few steps, so that it
ends its answers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.record import conditions, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.generation_peers import Room

WORK = ("generate", "pipeline", "labels-2", "labels-77")
SAME = 0.99
"""Least share of texts that both sides must have in common."""
CLOSE = 1e-3
"""Most difference of a label's probability."""


@dataclass(frozen=True)
class Contest:
    """Two ways of doing the same to the same inputs."""

    peer: str
    """The peer in words."""
    ours: Callable[[Sequence[Any]], Any]
    theirs: Callable[[Sequence[Any]], Any]
    inputs: Sequence[Any]
    agreement: Callable[[Any, Any], dict[str, float]]
    """What both have in common; raises SystemExit where that is too little."""


def main() -> None:
    """Runs the pairs, prints a table and writes the record."""
    options = _options()
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    room = _room(options)
    rows = []
    for work in options.work_kinds:
        rows.append(_row(work, contest_of(work, room, options), options) | conditions(batch=options.batch))
        print(_line(rows[-1]), flush=True)
        kept = json.loads(options.json.read_text())["rows"] if options.json.exists() else []
        done = {(row["work"], row["device"]) for row in rows}
        record = {"rows": [*(row for row in kept if (row["work"], row["device"]) not in done), *rows]}
        write_record(options.json, record)


def contest_of(work: str, room: Room, options: argparse.Namespace) -> Contest:
    """The two ways of one kind of work."""
    if work in {"generate", "pipeline"}:
        theirs = room.by_generate if work == "generate" else room.by_pipeline
        peer = f"transformers {work}, batches of {options.batch}"
        return Contest(peer, room.ours_generate, theirs, room.prompts(options.examples), _same_texts)
    count = int(work.rpartition("-")[2])
    labels, texts = room.labelled(count, max(2, options.examples // count))
    peer = f"each text with each of {count} labels a row, longest first, batches of {options.batch}"
    ours, theirs = room.label_ways(labels)
    return Contest(peer, ours, theirs, texts, _close_probabilities)


def _row(work: str, contest: Contest, options: argparse.Namespace) -> dict[str, Any]:
    few = contest.inputs[: min(len(contest.inputs), options.batch)]
    contest.ours(few), contest.theirs(few)
    pairs = []
    for number in range(1, options.pairs + 1):
        ours, ours_s = _timed(contest.ours, contest.inputs)
        theirs, theirs_s = _timed(contest.theirs, contest.inputs)
        found = contest.agreement(ours, theirs)
        count = len(contest.inputs)
        rates = {"ours": {"examples_per_s": count / ours_s}, "peer": {"examples_per_s": count / theirs_s}}
        pairs.append({**rates, **found, "ratio": theirs_s / ours_s})
        print(f"{work}, pair {number}: ratio {pairs[-1]['ratio']:.2f}, {found}", flush=True)
    ratios = [pair["ratio"] for pair in pairs]
    return {
        "work": work,
        "peer": contest.peer,
        "device": options.device,
        "threads": options.threads,
        "examples": len(contest.inputs),
        "max_new_tokens": options.max_new_tokens,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "pairs": pairs,
    }


def _timed(act: Callable[[Sequence[Any]], Any], inputs: Sequence[Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    found = act(inputs)  # texts and numbers on the host: whatever device made them is done
    return found, time.perf_counter() - started


def _same_texts(ours: Sequence[str], theirs: Sequence[str]) -> dict[str, float]:
    same = sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours)
    if same < SAME:
        a, b = next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1])
        raise SystemExit(f"only {same:.1%} of the texts are the same; ours {a!r}, the peer's {b!r}")
    return {"same_texts": same}


def _close_probabilities(ours: Any, theirs: Any) -> dict[str, float]:
    difference = float(abs(ours - theirs).max())
    if difference > CLOSE:
        raise SystemExit(f"probabilities of labels differ by up to {difference:.2g}")
    return {"largest_difference": difference}


def _line(row: dict[str, Any]) -> str:
    return f"{row['work']:10} {row['ratio']:6.2f}x ({row['ratio_min']:.2f} to {row['ratio_max']:.2f}); {row['peer']}"


def _room(options: argparse.Namespace) -> Room:
    """Prepared rows and a model that was tuned on them, ready on the device."""
    import torch  # noqa: PLC0415  # once its device and threads are chosen

    from benchmarks.generation_peers import Room  # noqa: PLC0415  # as above
    from benchmarks.train_generation import Bench  # noqa: PLC0415  # as above

    torch.set_num_threads(options.threads)
    folder = Path(options.work or tempfile.mkdtemp(prefix="tunewright-writing-"))
    needs = {"vocabulary": 8192, "steps": options.steps, "threads": options.threads, "device": options.device}
    bench = Bench(folder, argparse.Namespace(**needs, peer_python=sys.executable))
    model = options.model or Path(bench.ours(seed=1, steps=options.steps)["model"])
    return Room(bench.context, model, device=options.device, batch=options.batch, new_tokens=options.max_new_tokens)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--examples", type=int, default=128, help="prompts; texts times labels of label scoring")
    parser.add_argument("--max-new-tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16, help="rows of the peer's batches")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--model", type=Path, help="a tuned chat model with the starter LM's tokenizer")
    parser.add_argument("--steps", type=int, default=300, help="of tuning, where no model is given")
    parser.add_argument("--kinds", dest="work_kinds", nargs="+", choices=WORK, default=list(WORK))
    parser.add_argument("--work", help="folder for runs, kept; a temporary one by default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
