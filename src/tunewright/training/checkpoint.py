"""Checkpoints: safetensors, a state file and their hashes, whole or absent. Nothing is pickled."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tunewright.core.codec import from_data, to_data
from tunewright.core.errors import Problem, RunError
from tunewright.core.files import disk_faults, fsync_folder, sha256_file
from tunewright.training.averaging import evaluated_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from tunewright.training.step import TrainState

WEIGHTS, OPTIMIZER, STATE, SUMS = "weights.safetensors", "optimizer.safetensors", "state.json", "SHA256SUMS"
COUNTED = ("k", "weight_sum", "lr_max")
"""What the schedule-free optimiser keeps of its steps beside the moments, a number a group."""
HASHED = (WEIGHTS, OPTIMIZER, STATE)
MOVING = "moving.safetensors"
"""The weights that training goes on from, where those that are evaluated and saved are others."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What resuming needs beside weights and moments. The position in the data follows from `step`."""

    step: int
    epoch: float
    key: str
    """Key of the training stage: recipe sections, data hash, settings, model. Only an equal key resumes."""
    log_offset: int
    """Length of `events.jsonl` when this was saved; what stands behind it is cut off on resume."""
    best_step: int | None = None
    best_value: float | None = None
    reference: float | None = None
    """The value that early stopping measures an improvement from; gains within `min_delta` do not move it."""
    stale: int = 0
    """Evaluations in a row without an improvement."""


def folder_of(checkpoints: Path, step: int) -> Path:
    """The folder of a step's checkpoint."""
    return checkpoints / f"step-{step:08d}"


def save_checkpoint(state: TrainState, progress: Progress, checkpoints: Path) -> Path:
    """The checkpoint of this step stands whole and durable in its folder; others are untouched.

    Raises RunError on a full disk; what was written of it is removed.
    """
    target = folder_of(checkpoints, progress.step)
    aside = checkpoints / f".{target.name}.part"
    with disk_faults(target):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            _write_files(state, progress, aside)
            shutil.rmtree(target, ignore_errors=True)
            aside.rename(target)
        except (OSError, SafetensorError) as fault:
            shutil.rmtree(aside, ignore_errors=True)
            raise _as_os_error(fault) from fault
        fsync_folder(checkpoints)
    return target


def keep_only(checkpoints: Path, steps: set[int]) -> None:
    """All checkpoints but those of the given steps are gone."""
    kept = {folder_of(checkpoints, step).name for step in steps}
    for folder in checkpoints.iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def newest_checkpoint(checkpoints: Path, key: str) -> tuple[Path, Progress] | None:
    """The newest whole checkpoint with this key whose best one is whole too; torn or altered ones are passed over."""
    for folder in sorted(checkpoints.glob("step-*"), reverse=True):
        progress = read_progress(folder)
        if progress is not None and progress.key == key and _best_is_whole(checkpoints, progress):
            return folder, progress
    return None


def _best_is_whole(checkpoints: Path, progress: Progress) -> bool:
    """Or training would go on to its end and find the weights it should keep lost."""
    if progress.best_step in {None, progress.step}:
        return True
    return read_progress(folder_of(checkpoints, progress.best_step or 0)) is not None


def read_progress(folder: Path) -> Progress | None:
    """The checkpoint's progress, or None where any of its files is missing or differs from its hash."""
    try:
        lines = (line.partition("  ") for line in (folder / SUMS).read_text().splitlines())
        sums = {name: hashed for hashed, _, name in lines}
        if any(sums.get(name) != sha256_file(folder / name) for name in {*HASHED, *sums}):
            return None
        return from_data(Progress, json.loads((folder / STATE).read_text()), place=str(folder))
    except (OSError, ValueError):
        return None


def load_checkpoint(state: TrainState, folder: Path, progress: Progress) -> None:
    """Weights, moments and step are those that were saved. Raises RunError when they are another model's."""
    with evaluated_weights(state):
        load_weights(state.bare_model, folder)
    if state.average is not None:
        load_weights(state.bare_model, folder, file=MOVING)
    moments = load_file(folder / OPTIMIZER)
    optimizer = state.optimizer.optimizer
    for name, parameter in state.bare_model.named_parameters():
        parts = {key.partition("/")[2]: value for key, value in moments.items() if key.partition("/")[0] == name}
        if parts:
            optimizer.state[parameter] = {part: _placed(value, parameter) for part, value in parts.items()}
    for number, group in enumerate(optimizer.param_groups):
        group |= {part: moments[f"{number}/{part}"].item() for part in COUNTED if part in group}
    state.step = progress.step


def load_weights(model: Any, folder: Path, *, file: str = WEIGHTS) -> None:
    """The model's trained weights are the checkpoint's: those that were evaluated, unless another file is named.

    Raises RunError when names or shapes differ.
    """
    saved = load_file(folder / file)
    own = {name: p for name, p in model.named_parameters() if name in saved}
    if own.keys() != saved.keys() or any(own[name].shape != saved[name].shape for name in saved):
        raise RunError(
            Problem(str(folder), "weights of another model", "this run's own", "delete the run and start anew")
        )
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(saved[name])


def _write_files(state: TrainState, progress: Progress, folder: Path) -> None:
    with evaluated_weights(state):
        save_file(_trained(state), folder / WEIGHTS)
    if state.average is not None:
        save_file(_trained(state), folder / MOVING)
    save_file(_moments(state), folder / OPTIMIZER)
    (folder / STATE).write_text(json.dumps(to_data(progress), indent=2, sort_keys=True) + "\n")
    hashed = HASHED if state.average is None else (MOVING, *HASHED)  # first: a torn list that lacks it lacks others
    sums = "".join(f"{sha256_file(folder / name)}  {name}\n" for name in hashed)
    (folder / SUMS).write_text(sums)
    for name in (*hashed, SUMS):
        handle = os.open(folder / name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    fsync_folder(folder)


def _trained(state: TrainState) -> dict[str, Tensor]:
    """The weights that any step trains: those that are frozen as yet have moved when an earlier best is taken back."""
    held = {id(p) for group in state.optimizer.optimizer.param_groups for p in group["params"]}
    return {n: p.detach().cpu().contiguous() for n, p in state.bare_model.named_parameters() if id(p) in held}


def _moments(state: TrainState) -> dict[str, Tensor]:
    names = {parameter: name for name, parameter in state.bare_model.named_parameters()}
    optimizer = state.optimizer.optimizer
    moments = {
        f"{names[parameter]}/{part}": value.detach().cpu().contiguous()
        for parameter, parts in optimizer.state.items()
        for part, value in parts.items()
    }
    for number, group in enumerate(optimizer.param_groups):  # a group's number is no name of a weight
        moments |= {f"{number}/{part}": _exact(group[part]) for part in COUNTED if part in group}
    return moments


def _exact(number: float) -> Tensor:
    return torch.tensor(number, dtype=torch.int64 if isinstance(number, int) else torch.float64)


def _placed(value: Tensor, parameter: Tensor) -> Tensor:
    """A copy beside its parameter: what safetensors gives is a view of the file, which is soon removed."""
    return value.to(parameter.device, copy=True)


def _as_os_error(fault: OSError | SafetensorError) -> OSError:
    """safetensors reports a full disk in words; the number behind them decides what the user is told."""
    if isinstance(fault, OSError):
        return fault
    for number in (28, 122, 13, 30):
        if f"os error {number}" in str(fault):
            return OSError(number, str(fault))
    return OSError(str(fault))
