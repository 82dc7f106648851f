"""A checkpoint is whole or absent: torn, altered and foreign ones are passed over, a full disk costs nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import safe_open
from training_room import same_bits, snapshot, state_of, step_of, tiny_bert, token_rows

from tunewright.core.errors import RunError
from tunewright.training import checkpoint
from tunewright.training.checkpoint import (
    HASHED,
    SUMS,
    WEIGHTS,
    Progress,
    folder_of,
    keep_only,
    load_checkpoint,
    newest_checkpoint,
    read_progress,
    save_checkpoint,
)
from tunewright.training.losses import classification_loss
from tunewright.training.step import optimizer_step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tunewright.training.step import TrainState

ROWS = token_rows([5, 9, 12, 7, 30, 6, 8, 11])


def trained(steps: int) -> TrainState:
    state = state_of(tiny_bert(dropout=0.1))
    go_on(state, steps)
    return state


def go_on(state: TrainState, steps: int) -> None:
    for _ in range(steps):
        batches = step_of(ROWS, batch_size=4, micro_batch_tokens=64, after=state.step)
        optimizer_step(state, batches, classification_loss, lr=1e-3, max_norm=1.0)


def saved(state: TrainState, checkpoints: Path, key: str = "key", best_step: int | None = None) -> Path:
    return save_checkpoint(state, Progress(state.step, 1.5, key, 123, best_step), checkpoints)


def two_checkpoints(checkpoints: Path) -> tuple[Path, Path]:
    state = trained(2)
    older = saved(state, checkpoints)
    go_on(state, 2)
    return older, saved(state, checkpoints)


def test_a_checkpoint_brings_back_weights_moments_and_progress_bit_for_bit(tmp_path: Path) -> None:
    state = trained(3)
    progress = Progress(3, 1.5, "key", 123, best_step=3, best_value=0.1, stale=1)
    save_checkpoint(state, progress, tmp_path)
    found = newest_checkpoint(tmp_path, "key")
    fresh = state_of(tiny_bert(dropout=0.1))
    assert found is not None
    assert found[1] == progress
    load_checkpoint(fresh, *found)
    assert fresh.step == 3
    assert same_bits(snapshot(fresh), snapshot(state))
    go_on(fresh, 2)
    go_on(state, 2)
    assert same_bits(snapshot(fresh), snapshot(state))


@pytest.mark.parametrize("name", [*HASHED, SUMS])
def test_a_missing_file_makes_the_previous_checkpoint_the_newest(tmp_path: Path, name: str) -> None:
    older, newer = two_checkpoints(tmp_path)
    assert newest_checkpoint(tmp_path, "key")[0] == newer
    (newer / name).unlink()
    assert newest_checkpoint(tmp_path, "key")[0] == older


@pytest.mark.parametrize("name", HASHED)
@pytest.mark.parametrize("damage", ["torn", "flipped", "emptied"])
def test_a_torn_or_altered_file_makes_the_previous_checkpoint_the_newest(
    tmp_path: Path, name: str, damage: str
) -> None:
    older, newer = two_checkpoints(tmp_path)
    content = bytearray((newer / name).read_bytes())
    content[len(content) // 2] ^= 1
    (newer / name).write_bytes({"torn": content[: len(content) // 2], "flipped": content, "emptied": b""}[damage])
    assert read_progress(newer) is None
    assert newest_checkpoint(tmp_path, "key")[0] == older


def test_a_checkpoint_of_another_key_is_not_resumed(tmp_path: Path) -> None:
    older, newer = two_checkpoints(tmp_path)
    assert newest_checkpoint(tmp_path, "another key") is None
    state = json.loads((newer / "state.json").read_text())
    assert state["key"] == "key"
    shutil.rmtree(older)
    assert newest_checkpoint(tmp_path, "another key") is None


def test_a_checkpoint_whose_best_one_is_damaged_is_not_resumed(tmp_path: Path) -> None:
    """It could be trained to the end, and its best weights would then be lost or wrong."""
    state = trained(2)
    best = saved(state, tmp_path, best_step=2)
    go_on(state, 2)
    newer = saved(state, tmp_path, best_step=2)
    assert newest_checkpoint(tmp_path, "key")[0] == newer
    content = bytearray((best / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (best / WEIGHTS).write_bytes(content)
    assert newest_checkpoint(tmp_path, "key") is None


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    folder = saved(trained(1), tmp_path)
    other = tiny_bert()
    other.classifier = torch.nn.Linear(16, 5)
    progress = read_progress(folder)
    assert progress is not None
    with pytest.raises(RunError, match="weights of another model"):
        load_checkpoint(state_of(other), folder, progress)


def test_only_trained_weights_are_saved(tmp_path: Path) -> None:
    model = tiny_bert()
    model.base_model.requires_grad_(requires_grad=False)
    state = state_of(model)
    go_on(state, 1)

    with safe_open(saved(state, tmp_path) / WEIGHTS, framework="numpy") as tensors:
        assert sorted(tensors.keys()) == ["classifier.bias", "classifier.weight"]


def test_what_is_not_to_be_kept_goes_with_the_leftovers(tmp_path: Path) -> None:
    older, newer = two_checkpoints(tmp_path)
    (tmp_path / ".step-00000009.part").mkdir()
    keep_only(tmp_path, {4})
    assert [p.name for p in tmp_path.iterdir()] == [newer.name]
    assert not older.exists()


@pytest.mark.parametrize("broken", ["save_file", "fsync"])
def test_a_full_disk_leaves_the_last_good_checkpoint_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    older, newer = two_checkpoints(tmp_path)
    state = trained(5)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((checkpoint, "save_file") if broken == "save_file" else (os, "fsync")), full)
    with pytest.raises(RunError, match="no space left") as raised:
        saved(state, tmp_path)
    monkeypatch.undo()
    assert raised.value.exit_code == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == [older.name, newer.name]
    assert newest_checkpoint(tmp_path, "key")[0] == newer


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of that size mounted at the folder, where this user may mount one."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = [mount, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_really_fills_up_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    state = trained(2)
    size_kb = sum(p.stat().st_size for p in saved(state, tmp_path / "measured").iterdir()) // 1024
    with small_disk(tmp_path / "disk", int(size_kb * 1.6) + 20) as disk:
        good = saved(state, disk)
        go_on(state, 1)
        with pytest.raises(RunError, match="no space left") as raised:
            saved(state, disk)
        assert raised.value.exit_code == 4
        assert str(folder_of(disk, 3)) in str(raised.value)
        assert [p.name for p in disk.iterdir()] == [good.name]
        found = newest_checkpoint(disk, "key")
        assert found is not None
        fresh = state_of(tiny_bert(dropout=0.1))
        load_checkpoint(fresh, *found)
        go_on(fresh, 1)
        assert same_bits(snapshot(fresh), snapshot(state))
