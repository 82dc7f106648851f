"""What a run was made with: versions, commit, machine, seeds, hashes."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import tunewright
from tunewright.pipeline.stages import MANIFEST, read_manifest

if TYPE_CHECKING:
    from tunewright.pipeline.context import Context

REPORTED = ("data", "baseline", "training", "evaluation", "gate")
"""Stages whose keys a report names: those before it; what an earlier run left beside them says nothing of this one."""
PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "safetensors", "polars", "numpy", "scikit-learn")


def environment() -> dict[str, str]:
    """Versions and machine, as text; a package that is absent is left out."""
    facts = {
        "tunewright": tunewright.__version__,
        "code_commit": code_commit() or "unknown (not run from a checkout)",
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": str(os.cpu_count()),
    }
    for name in PACKAGES:
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return facts


def code_commit() -> str | None:
    """The commit of the checkout this program runs from, with `+changes` where files differ; None outside one."""
    root = Path(tunewright.__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def provenance(context: Context) -> dict[str, str]:
    """Everything needed to make the run again, as text."""
    manifests = {name: read_manifest(context.run.path / name / MANIFEST) for name in REPORTED}
    stages = {f"{name} key": found.key for name, found in manifests.items() if found is not None}
    seeds = {"seed": str(context.recipe.seed), "split seed": str(context.recipe.split.seed)}
    origin = {
        "base": context.recipe.model.name,
        "base revision": context.base.revision,
        "command": context.command or "library call",
    }
    return {**origin, **seeds, **stages, **environment()}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603  # no shell, no user input
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
