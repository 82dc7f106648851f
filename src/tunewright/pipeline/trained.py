"""Where a tuned model is to be found: a run directory with a finished training."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, RunError
from tunewright.pipeline.stages import MANIFEST, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.stages import Manifest

NEEDED = ("data", "training")
"""The stages without which there is no tuned model, in their order."""
TRACES = ("recipe.yaml", "environment.json", *NEEDED)
"""What makes a folder a run directory: a run writes the first of these before anything else."""
SHOWN = 8


def root_of(run: Path) -> Path:
    """The run directory of a run or of its `model/`; a run may itself be called `model`."""
    return run.parent if run.name == "model" and not (run / "training").is_dir() else run


def trained_manifest(run: Path) -> Manifest:
    """What the training says of itself. The run's recipe may have moved on since: every stage writes it anew.

    Raises RecipeError where there is no such run, naming those there are; RunError where its training has not finished.
    """
    root = root_of(run)
    manifest = read_manifest(root / "training" / MANIFEST)
    if manifest is not None:
        return manifest
    if not _is_run(root):
        raise RecipeError(_no_run(run))
    missing = next((stage for stage in NEEDED if read_manifest(root / stage / MANIFEST) is None), NEEDED[-1])
    began = (root / "training" / "checkpoints").is_dir()
    how = "begun and not finished" if began else "not finished"
    given = f"holds no tuned model: the stage {missing!r} has {how} in this run"
    remedy = f"{'resume it' if began else 'finish it'}: tunewright run RECIPE, then name this run again"
    raise RunError(Problem(str(run), given, "a run directory with a finished training", remedy))


def has_finished(run: Path) -> bool:
    """Whether the run directory holds a tuned model: its training has a manifest, which is written last."""
    return (run / "training" / MANIFEST).is_file()


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in TRACES[1:]) or (
        (folder / TRACES[0]).exists() and folder.parent.name == "runs"
    )


def _no_run(run: Path) -> Problem:
    """The path is no run directory: what it is, which runs are near, and what to do."""
    folders = _runs_near(run)
    near = [str(folder) for folder in folders]
    alike = get_close_matches(run.name, [folder.name for folder in folders], n=1, cutoff=0.6)
    meant = next((str(folder) for folder in folders if folder.name in alike), None)
    hint = f" (did you mean {meant!r}?)" if meant else ""
    what = "no such run directory" if not run.exists() else "is a file" if run.is_file() else "holds no tuned model"
    more = f" and {len(near) - SHOWN} more" if len(near) > SHOWN else ""
    there = f"; there are: {', '.join(near[:SHOWN])}{more}" if near else "; there is none beside it"
    remedy = "name one of these" if near else "tunewright run RECIPE, then name runs/<name>"
    return Problem(str(run), f"{what}{hint}", f"a run directory with a finished training{there}", remedy)


def _runs_near(run: Path) -> list[Path]:
    """The runs with a finished training beside the path, in it, and in `runs/` beside or in it."""
    places = dict.fromkeys([run.parent, run, run / "runs", run.parent / "runs"])
    folders = [entry for place in places if place.is_dir() for entry in sorted(place.iterdir()) if entry.is_dir()]
    return list(dict.fromkeys(folder for folder in folders if folder != run and has_finished(folder)))
