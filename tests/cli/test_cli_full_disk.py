"""A full disk: the command says so and ends with 4, what was whole stays whole, and the next call resumes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from cli_room import QUICK, sound_project

from tunewright.core.files import sha256_file
from tunewright.training.checkpoint import read_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cli_room import Ran

    from tunewright.core.training import EvaluationReport, StepReport

SIZE = "4m"
FILLER = "filler.bin"


@pytest.fixture
def small_disk(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A sound project on a disk of four megabytes, and the working directory."""
    mount = tmp_path / "disk"
    mount.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root and the mount command")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(mount)], check=False)
    if done.returncode != 0:
        pytest.skip("this system does not let root mount a small disk")
    try:
        folder = mount / "project"
        folder.mkdir()
        sound_project(folder, bert)
        monkeypatch.chdir(folder)
        yield folder
    finally:
        monkeypatch.chdir(tmp_path)
        subprocess.run(["umount", str(mount)], check=True)


def fill(folder: Path, *, leave: int = 0) -> None:
    """The disk has `leave` bytes left, in blocks of 4 kB."""
    with (folder / FILLER).open("ab", buffering=0) as stream:
        with contextlib.suppress(OSError):  # which ends the loop: the disk is full
            while stream.write(bytes(4_096)):
                pass
        stream.truncate(stream.tell() - leave)


class FillsAt:
    """An Observer that fills the disk after a step, or with `None` after the last one."""

    def __init__(self, folder: Path, step: int | None) -> None:
        self.folder, self.step = folder, step

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Nothing yet."""

    def on_step(self, report: StepReport) -> None:
        if report.step == self.step:
            fill(self.folder)

    def on_evaluation(self, report: EvaluationReport) -> None:
        """Nothing here."""

    def on_end(self, reason: str) -> None:
        if self.step is None:
            fill(self.folder)


def assert_full(ran: Ran) -> None:
    assert ran.code == 4, ran.said
    assert "no space left" in ran.err
    assert "remedy: free some space" in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("leave", [0, 8_192, 24_576])
def test_a_disk_that_fills_while_preparing_loses_nothing(
    leave: int, small_disk: Path, tunewright: Callable[..., Ran]
) -> None:
    before = sha256_file(small_disk / "train.csv")
    fill(small_disk, leave=leave)
    assert_full(tunewright("prepare", "recipe.yaml"))
    assert not (small_disk / "runs" / "recipe" / "data").exists()
    assert sha256_file(small_disk / "train.csv") == before
    (small_disk / FILLER).unlink()
    assert tunewright("prepare", "recipe.yaml").code == 0
    assert (small_disk / "runs" / "recipe" / "data" / "manifest.json").is_file()


@pytest.mark.parametrize(("fills_at", "resumes_at"), [(5, 4), (None, 24)])
def test_a_disk_that_fills_while_training_keeps_the_last_checkpoint_and_resumes(
    fills_at: int | None,
    resumes_at: int,
    small_disk: Path,
    tunewright: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    often = ("train.checkpoint_every=2", "train.evaluate_every=2", "train.early_stopping=null")
    overrides = (*QUICK, "train.epochs=4", "train.batch_size=8", *often)
    assert tunewright("prepare", "recipe.yaml").code == 0
    watched = "tunewright.pipeline.observers.command_observers"
    monkeypatch.setattr(watched, lambda loaded: (FillsAt(small_disk, fills_at),))
    assert_full(tunewright("train", "recipe.yaml", *overrides))
    checkpoints = small_disk / "runs" / "recipe" / "training" / "checkpoints"
    kept = [read_progress(folder) for folder in checkpoints.iterdir()]
    assert kept
    assert all(progress is not None and progress.step <= resumes_at for progress in kept)
    monkeypatch.setattr(watched, lambda loaded: ())
    (small_disk / FILLER).unlink()
    again = tunewright("train", "recipe.yaml", *overrides)
    assert again.code == 0
    assert (small_disk / "runs" / "recipe" / "model" / "model.safetensors").is_file()
    assert f"resuming after step {resumes_at}" in again.err
