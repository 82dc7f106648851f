"""Which training stands in a run, and what becomes of the one that it takes the place of: nothing is lost unsaid."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from tunewright.core.files import disk_faults
from tunewright.pipeline.stages import MANIFEST, Manifest, Stage, finished, intact, read_manifest
from tunewright.training.checkpoint import newest_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.context import Context

TRAINING = Stage("training", version=2)
EVENTS, OUTCOME, CHECKPOINTS = "events.jsonl", "outcome.json", "checkpoints"


def standing(context: Context, key: str) -> Manifest | None:
    """The finished training of this key: the current one, or the one kept aside after a recipe was changed back.

    The two folders change places, so that what was trained meanwhile can go on.
    """
    _end_exchange(context)
    current = finished(context.run, TRAINING)
    if current is not None and current.key == key:
        return current
    manifest = read_manifest(_aside(context) / MANIFEST)
    if manifest is None or manifest.key != key:
        return None
    _exchange(context)
    return manifest if intact(context.run, manifest) else None


def make_way(context: Context, key: str) -> None:
    """`training/` is empty or holds what this key left behind; a finished one of another key is kept aside."""
    folder, aside = context.run.of(TRAINING), _aside(context)
    if not _resumable(folder, key) and _resumable(aside, key):
        _exchange(context)
    manifest = read_manifest(folder / MANIFEST)
    altered = manifest is not None and manifest.key == key and not _record_stands(context, manifest)
    if _resumable(folder, key) and not altered:
        with disk_faults(folder):  # what is trained from here on is not what it vouches for
            (folder / MANIFEST).unlink(missing_ok=True)
        return
    if altered:
        context.say("training: its record was altered since it finished: training anew")
    elif manifest is not None:
        context.say("training: the recipe, the data or the settings changed: training anew")
        if _unfinished(aside):
            context.say("training: the checkpoints that were kept of an unfinished training give way to it")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
    elif _unfinished(folder):
        context.say("training: the checkpoints are of other settings or damaged: training anew")
    shutil.rmtree(folder, ignore_errors=True)


def clear_aside(context: Context) -> None:
    """A finished training that was kept aside is gone, for `model/` is another's now; checkpoints are kept."""
    if not _unfinished(_aside(context)):
        shutil.rmtree(_aside(context), ignore_errors=True)


def _record_stands(context: Context, manifest: Manifest) -> bool:
    """Whether a finished training's event log is the one it wrote: what it resumes from would go on with it."""
    record = {name: value for name, value in manifest.outputs.items() if name == f"{TRAINING.name}/{EVENTS}"}
    return intact(context.run, replace(manifest, outputs=record))


def _resumable(folder: Path, key: str) -> bool:
    return newest_checkpoint(folder / CHECKPOINTS, key) is not None


def _unfinished(folder: Path) -> bool:
    """Whether it holds checkpoints of a training that did not come to its end."""
    return read_manifest(folder / MANIFEST) is None and any((folder / CHECKPOINTS).glob("step-*"))


def _aside(context: Context) -> Path:
    return context.run.path / ".training.previous"


def _between(context: Context) -> Path:
    return context.run.path / ".training.exchanged"


def _exchange(context: Context) -> None:
    """`training/` and the one kept aside have changed places."""
    folder, aside, between = context.run.of(TRAINING), _aside(context), _between(context)
    if _unfinished(folder):
        context.say("training: the unfinished training of the other settings is kept: with them it resumes")
    with disk_faults(folder):
        if folder.exists():
            folder.rename(between)
        aside.rename(folder)
        if between.exists():
            between.rename(aside)


def _end_exchange(context: Context) -> None:
    """An exchange that was killed half-way is undone where `training/` is missing, else brought to its end."""
    folder, between = context.run.of(TRAINING), _between(context)
    if between.exists():
        with disk_faults(folder):
            between.rename(_aside(context) if folder.exists() else folder)
