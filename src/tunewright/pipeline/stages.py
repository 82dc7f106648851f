"""The stage contract: a key over everything that decides an artefact, a folder that is whole or absent, a manifest."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import time
from collections.abc import Callable, Mapping  # noqa: TC003  # core.codec reads the types at run time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tunewright.core.codec import from_data, to_data
from tunewright.core.errors import Problem, RunError
from tunewright.core.files import built_aside, digest, disk_faults, read_json, sha256_file, tree_hashes, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "manifest.json"
FRESH_NS = 2_000_000_000
"""A file touched less than this ago may change again within one tick of the file system's clock, and look the same."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the life-cycle with the folder of its name."""

    name: str
    version: int
    """Raised whenever the same inputs would give another artefact."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a finished stage says of itself."""

    stage: str
    version: int
    key: str
    declares: Mapping[str, Any]
    """What the key is the hash of: recipe sections, the inputs' hashes, settings, the model's revision."""
    outputs: Mapping[str, str]
    """Path relative to the run to the sha256 of each file."""
    seconds: float
    finished_at: str

    @property
    def digest(self) -> str:
        """Hash of all outputs: what the stages behind declare as their input."""
        return digest(dict(self.outputs))


@dataclass(frozen=True, slots=True)
class Done:
    """A stage after a run of it: built now, or found unchanged."""

    manifest: Manifest
    folder: Path
    skipped: bool


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run directory, and who hears what happens in it."""

    path: Path
    say: Callable[[str], None] = field(default=lambda _message: None)

    def of(self, stage: Stage) -> Path:
        """The stage's folder."""
        return self.path / stage.name

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """No other process works in this run directory meanwhile. Raises RunError where one does."""
        with disk_faults(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / ".lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(handle)
            given = "another tunewright process is working in this run directory"
            raise RunError(
                Problem(str(self.path), given, "one process a run", "wait for it, or give the recipe another name")
            ) from fault
        try:
            yield
        finally:
            os.close(handle)


def key_of(stage: Stage, declares: Mapping[str, Any]) -> str:
    """The stage's key under these declarations."""
    return digest([stage.name, stage.version, declares])


def read_manifest(path: Path) -> Manifest | None:
    """The manifest of a stage, or None where it has none or one of another version of this program."""
    if not path.exists():
        return None
    try:
        return from_data(Manifest, read_json(path), place=str(path))
    except RunError:
        return None  # a manifest that cannot be read vouches for nothing: the stage is built again


def finished(run: RunFolder, stage: Stage) -> Manifest | None:
    """The manifest of the stage as it stands, its files unaltered; None where it must be built."""
    manifest = read_manifest(run.of(stage) / MANIFEST)
    return manifest if manifest is not None and intact(run, manifest) else None


def intact(run: RunFolder, manifest: Manifest) -> bool:
    """Whether every output stands with the hash that the manifest gives."""
    return all(
        (run.path / name).is_file() and file_hash(run.path / name) == expected
        for name, expected in manifest.outputs.items()
    )


def file_hash(path: Path) -> str:
    """The sha256 of a file's bytes; a file that was not touched since it was last asked for is not read again."""
    facts = path.stat()
    touched_ns = max(facts.st_mtime_ns, facts.st_ctime_ns)
    if time.time_ns() - touched_ns < FRESH_NS:
        return sha256_file(path)
    return _known_hash(path, (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))


@functools.lru_cache(maxsize=4096)
def _known_hash(path: Path, _version: tuple[int, ...]) -> str:
    return sha256_file(path)


def needed(run: RunFolder, stage: Stage, verb: str, declares: Callable[[], Mapping[str, Any]]) -> Manifest:
    """The manifest of a stage that must have run before, under the recipe as it is now.

    Raises RunError naming the verb that builds it, where it has not finished or was built under another recipe.
    """
    manifest = finished(run, stage)
    if manifest is None:
        given = f"the stage {stage.name!r} has not finished in this run"
        raise RunError(Problem(str(run.path), given, "its folder with a manifest", f"tunewright {verb} RECIPE"))
    if manifest.key != key_of(stage, declares()):
        given = f"the stage {stage.name!r} was built before the recipe, the data or the base changed"
        raise RunError(Problem(str(run.path), given, "an artefact of what is there now", f"tunewright {verb} RECIPE"))
    return manifest


def run_stage(
    run: RunFolder, stage: Stage, declares: Callable[[], Mapping[str, Any]], build: Callable[[Path], None]
) -> Done:
    """The stage's folder holds the artefact of these declarations: kept where its key is equal, else built anew.

    `declares` is asked again after the build, since a build may settle what it declares (the frozen test).
    """
    found = finished(run, stage)
    folder = run.of(stage)
    if found is not None and found.key == key_of(stage, declares()):
        run.say(f"{stage.name}: unchanged, skipped")
        return Done(found, folder, skipped=True)
    run.say(f"{stage.name}: {'changed, building anew' if found else 'building'}")
    started = time.perf_counter()
    with built_aside(folder) as attempt:
        build(attempt)
        hashes = tree_hashes(attempt)
        outputs = {f"{stage.name}/{name}": value for name, value in hashes.items()}
        manifest = seal(stage, declares(), outputs, seconds=time.perf_counter() - started)
        write_json(attempt / MANIFEST, to_data(manifest))
    return Done(manifest, folder, skipped=False)


def seal(stage: Stage, declares: Mapping[str, Any], outputs: Mapping[str, str], *, seconds: float) -> Manifest:
    """The manifest of a stage that has just been built."""
    finished_at = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(
        stage.name, stage.version, key_of(stage, declares), declares, outputs, round(seconds, 3), finished_at
    )
