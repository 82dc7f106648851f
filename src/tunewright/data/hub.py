"""Data sets on the Hugging Face hub: data files only, never a script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.core.optional import import_optional

if TYPE_CHECKING:
    from types import ModuleType

HUB = "hub:"
PATTERNS = ("*.csv", "*.tsv", "*.json", "*.jsonl", "*.parquet")
_NAME = re.compile(r"hub:(?P<repository>[\w.-]+/[\w.-]+)(:(?P<config>[\w.\-/]+))?(@(?P<revision>[\w.\-/]+))?")


@dataclass(frozen=True, slots=True)
class HubName:
    """A data set on the hub, as `hub:owner/name[:config][@revision]` says."""

    repository: str
    config: str | None
    revision: str | None


def parse_hub_name(source: str) -> HubName:
    """The parts of a hub name. Raises RecipeError for anything else."""
    match = _NAME.fullmatch(source)
    expected = "hub:owner/name, hub:owner/name:config or hub:owner/name@revision"
    if match is None:
        raise RecipeError(Problem("data.train", f"cannot read the hub name {source!r}", expected, "correct the name"))
    for part in filter(None, match.group("repository", "config", "revision")):
        if not {"", ".", ".."}.isdisjoint(part.split("/")):  # it becomes a path: none may lead out of the cache
            given = f"{part!r} in {source!r} is a path that leaves its folder"
            raise RecipeError(Problem("data.train", given, expected, "correct the name"))
    return HubName(match["repository"], match["config"], match["revision"])


def fetch(source: str, *, local_only: bool = False) -> Path:
    """The local folder that holds the data set's data files, downloaded unless the hub's cache has them.

    Honours HF_TOKEN, the hub's cache and HF_HUB_OFFLINE; `local_only` keeps off the network altogether. Raises
    DataError when the hub cannot be reached, the data set is not there, or access is refused.
    """
    name = parse_hub_name(source)
    hub = _hub()
    try:
        snapshot = _snapshot(name, hub, local_only=local_only)
    except (OSError, ValueError) as fault:  # the hub's errors derive from these
        raise _unreachable(source, name, hub, fault) from fault
    return _data_folder(snapshot, name)


def cached(source: str) -> bool:
    """Whether the data set's data files are in the hub's cache; the network is not touched."""
    return cached_commit(source) is not None


def cached_commit(source: str) -> str | None:
    """The commit whose data files are in the hub's cache, or None where there are none; no network is touched."""
    name = parse_hub_name(source)
    try:
        snapshot = _snapshot(name, _hub(), local_only=True)
    except (OSError, ValueError):  # the hub's word for "not in the cache"
        return None
    # A snapshot that holds a card alone exists as well: what matters is that there are rows to read.
    folder = _data_folder(snapshot, name)
    return snapshot.name if any(file for pattern in PATTERNS for file in folder.rglob(pattern)) else None


def _hub() -> ModuleType:
    return import_optional("huggingface_hub", extra="dev", purpose="reading a data set from the hub")


def _snapshot(name: HubName, hub: ModuleType, *, local_only: bool) -> Path:
    patterns = [f"{name.config}/{p}" for p in PATTERNS] if name.config else list(PATTERNS)
    folder = hub.snapshot_download(
        name.repository,
        repo_type="dataset",
        revision=name.revision,
        allow_patterns=patterns,
        local_files_only=local_only,
    )
    return Path(folder)


def _data_folder(snapshot: Path, name: HubName) -> Path:
    return snapshot / name.config if name.config else snapshot


def _unreachable(source: str, name: HubName, hub: ModuleType, fault: OSError | ValueError) -> DataError:
    errors = hub.errors
    page = f"https://huggingface.co/datasets/{name.repository}"
    if isinstance(fault, errors.GatedRepoError):
        return DataError(
            Problem(source, "access is restricted", "a token that may read it", f"ask on {page}, set HF_TOKEN")
        )
    if isinstance(fault, errors.RevisionNotFoundError):
        return DataError(Problem(source, f"no revision {name.revision!r}", "a branch, tag or commit", f"see {page}"))
    if isinstance(fault, errors.RepositoryNotFoundError):
        remedy = f"check the name at {page}; a private data set needs HF_TOKEN"
        return DataError(Problem(source, "no such data set on the hub", "owner/name", remedy))
    reason = str(fault).partition("\n")[0] or type(fault).__name__
    remedy = "connect to the network (or unset HF_HUB_OFFLINE), or download the files and name the folder"
    return DataError(Problem(source, f"cannot be fetched from the hub: {reason}", "network, or a cached copy", remedy))
