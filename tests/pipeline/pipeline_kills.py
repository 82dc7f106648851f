"""Real processes that train and are killed: started, watched through their event log, ended by a signal."""

# ruff: noqa: PLC0415  # the children import what they use

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 240.0
SYNCS = "syncs.txt"
PAUSE_S = 0.02
"""Added to each step of a child, so that a signal meets it in the middle of its work."""


class Slowly:
    """An observer that takes its time."""

    def on_start(self, plan: object) -> None:
        pass

    def on_step(self, report: object) -> None:
        time.sleep(PAUSE_S)

    def on_evaluation(self, report: object) -> None:
        time.sleep(PAUSE_S)

    def on_end(self, reason: str) -> None:
        pass


def train_in_child(recipe: str, dies_at_sync: int | None = None) -> None:
    """What a forked child does: the stage `train`, its exit code that of the command line."""
    from tunewright.core.errors import TunewrightError
    from tunewright.pipeline.context import Context
    from tunewright.pipeline.run import run_stages
    from tunewright.recipe.load import load_recipe

    calls = count_syncs(dies_at_sync)
    try:
        run_stages(Context(load_recipe(Path(recipe)), observers=(Slowly(),)), ["train"])
    except TunewrightError as fault:
        print(fault, file=sys.stderr)
        sys.exit(fault.exit_code)
    (Path(recipe).parent / SYNCS).write_text(str(len(calls)))


def count_syncs(dies_at: int | None) -> list[int]:
    """Counts every fsync of this process from here on; the one numbered `dies_at` is its last act."""
    calls: list[int] = []
    sync = os.fsync

    def counted(handle: int) -> None:
        calls.append(handle)
        if len(calls) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(handle)

    os.fsync = counted
    return calls


def start_fork(recipe: Path, dies_at_sync: int | None = None) -> Any:
    """A training in a process forked from a server that has imported everything once and computed nothing."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tunewright.pipeline.run", "transformers.models.bert.modeling_bert", __name__])
    child = server.Process(target=train_in_child, args=(str(recipe), dies_at_sync))
    child.start()
    return child


def start_command(recipe: Path) -> subprocess.Popen[bytes]:
    """`tunewright train RECIPE` as a user would start it."""
    command = [sys.executable, "-m", "tunewright", "train", str(recipe)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def end_of(child: Any) -> int:
    """The exit code of a child that ends by itself; minus the signal's number for one that was killed."""
    if isinstance(child, subprocess.Popen):
        return child.wait(PATIENCE_S)
    child.join(PATIENCE_S)
    assert child.exitcode is not None, "the training neither ended nor was killed"
    return int(child.exitcode)


def signalled_at(child: Any, recipe: Path, step: int, number: int = signal.SIGKILL) -> int:
    """Sends the signal once `step` stands in the event log; returns the exit code."""
    limit = time.monotonic() + PATIENCE_S
    while last_step(recipe) < step:
        alive = child.poll() is None if isinstance(child, subprocess.Popen) else child.is_alive()
        assert alive, f"the training ended before step {step}: exit code {end_of(child)}"
        assert time.monotonic() < limit, f"step {step} never came"
        time.sleep(0.003)
    os.kill(child.pid, number)
    return end_of(child)


def last_step(recipe: Path) -> int:
    """The last step in the event log; 0 without one."""
    log = run_folder(recipe) / "training" / "events.jsonl"
    if not log.exists():
        return 0
    lines = [line for line in log.read_bytes().split(b"\n")[:-1] if line.startswith(b'{"event":"step"')]
    return int(json.loads(lines[-1])["step"]) if lines else 0


def run_folder(recipe: Path) -> Path:
    return recipe.parent / "runs" / "recipe"


def result(recipe: Path) -> dict[str, str]:
    """sha256 of the event log and of every file of the tuned model."""
    folder = run_folder(recipe)
    files = [folder / "training" / "events.jsonl", *sorted(p for p in (folder / "model").rglob("*") if p.is_file())]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def killed_until_done(start: Callable[[Path], Any], recipe: Path, steps: list[int]) -> int:
    """Trains with a SIGKILL at each of the steps (ascending), then to the end; returns the number of kills that hit."""
    kills = 0
    for step in steps:
        assert signalled_at(start(recipe), recipe, step) == -signal.SIGKILL
        kills += 1
    assert end_of(start(recipe)) == 0
    return kills
