"""What the pipeline's tests share: a run by its recipe, and what stands in its folder."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import tunewright
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.pipeline.run import Outcome

ALL = ("prepare", "baseline", "train", "evaluate", "gate", "report")


def run(project: Path, *overrides: str) -> Outcome:
    return tunewright.run(project / "recipe.yaml", overrides)


def built(project: Path, *overrides: str) -> tuple[str, ...]:
    """The verbs of the stages that a run builds."""
    return run(project, *overrides).built


def run_stage(project: Path, verbs: Sequence[str], overrides: Sequence[str] = (), **context: Any) -> Any:
    """Some stages of the recipe, with a context of one's own."""

    return run_stages(Context(load_recipe(project / "recipe.yaml", overrides), **context), verbs)


def folder(project: Path) -> Path:
    return project / "runs" / "recipe"


def times(root: Path, *, skip: frozenset[str] = frozenset()) -> dict[str, int]:
    """When each file below was last written, in nanoseconds."""
    files = {p.relative_to(root).as_posix(): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}
    return {name: time for name, time in files.items() if name not in skip}


def hashes(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def change(project: Path, **sections: Any) -> None:
    """Lays values over the recipe's sections."""
    path = project / "recipe.yaml"
    content = json.loads(path.read_text())
    for name, value in sections.items():
        content[name] = {**content.get(name, {}), **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(content, indent=2))


def accuracy(outcome: Outcome, system: str = "tuned") -> Any:
    return next(s for s in outcome.results.systems if s.name == system).metrics["accuracy"]
