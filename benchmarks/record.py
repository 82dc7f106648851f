"""What every benchmark writes beside its figures, and where."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from tunewright.pipeline.environment import environment

if TYPE_CHECKING:
    from pathlib import Path


def conditions(**settings: Any) -> dict[str, Any]:
    """Versions, machine, commit and command of this run."""
    command = shlex.join(["python", "-m", *_module(), *(a for a in sys.argv[1:])])
    return {"settings": settings, "command": command, "environment": environment()}


def write_record(path: Path, record: dict[str, Any]) -> None:
    """The file holds the record as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _module() -> list[str]:
    spec = sys.modules["__main__"].__spec__
    return [spec.name if spec is not None else sys.argv[0]]
