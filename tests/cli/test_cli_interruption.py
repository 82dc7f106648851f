"""Signals, and two commands in one run directory."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from cli_room import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

LONG = (*QUICK, "train.epochs=100000", "train.max_steps=100000", "train.early_stopping=null")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "interrupted from the keyboard (Ctrl-C)"),
        (signal.SIGTERM, 143, "told to end by the signal SIGTERM"),
    ],
)
def test_a_signal_ends_training_with_a_checkpoint_and_the_next_call_resumes(
    number: signal.Signals, code: int, words: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    assert tunewright("prepare", "recipe.yaml", *LONG).code == 0
    events = project / "runs" / "recipe" / "training" / "events.jsonl"

    def trained() -> Ran:
        """The command, with the signal sent to this process once it trains."""
        over = threading.Event()
        seen = events.stat().st_size if events.exists() else 0

        def interrupt() -> None:
            while not over.wait(0.02):
                if events.exists() and events.stat().st_size > seen + 1_000:
                    os.kill(os.getpid(), number)
                    return

        watcher = threading.Thread(target=interrupt)
        watcher.start()
        try:
            return tunewright("train", "recipe.yaml", *LONG, "--json")
        finally:
            over.set()
            watcher.join()

    stopped = trained()
    assert stopped.code == code, stopped.said
    assert stopped.json["error"] == "interrupted"
    assert words in stopped.err
    assert "the same command again: it resumes from there" in stopped.err
    assert list((events.parent / "checkpoints").glob("step-*"))
    again = trained()
    assert again.code == code, again.said
    assert "resuming after step" in again.err


def test_the_keyboard_stops_a_command_between_stages_with_130(
    project: Path, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tunewright.pipeline.run.run_stages", pressed)
    stopped = tunewright("prepare", "recipe.yaml", "--json")
    assert stopped.code == 130
    assert stopped.json["error"] == "interrupted"
    assert "interrupted from the keyboard (Ctrl-C)" in stopped.err
    assert "run the same command again" in stopped.err


def test_sigterm_outside_of_training_ends_a_command_with_143_and_in_words(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, tunewright.cli.app as app\n"
        "app.exit_code = lambda arguments: os.kill(os.getpid(), signal.SIGTERM) or signal.pause()\n"
        "app.run_command(['prepare', 'recipe.yaml', '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 143
    assert "told to end by the signal SIGTERM" in done.stderr
    assert json.loads(done.stdout)["exit_code"] == 143


def test_a_second_command_in_one_run_directory_is_refused(project: Path, tunewright: Callable[..., Ran]) -> None:
    run = project / "runs" / "recipe"
    run.mkdir(parents=True)
    with (run / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = tunewright("prepare", "recipe.yaml", "--json")
    assert refused.code == 4
    assert "another tunewright process" in refused.json["problems"][0]["given"]
    assert "another name" in refused.json["problems"][0]["remedy"]
    assert tunewright("prepare", "recipe.yaml").code == 0
