"""A base that is the tuned model of an earlier run: what it was trained and tested on, as that run has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, RunError
from tunewright.core.files import digest
from tunewright.core.rows import SPLITS
from tunewright.data.earlier import Earlier, lineage_of
from tunewright.data.store import read_general, read_lineage, read_split
from tunewright.pipeline.stages import RunFolder, Stage, finished, intact
from tunewright.pipeline.trained import trained_manifest
from tunewright.recipe.model import RUN

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.stages import Manifest
    from tunewright.recipe.recipe import Recipe

REPLAY = 0.2
"""Earlier rows a new training row, where the recipe says nothing."""


def earlier_run(recipe: Recipe, folder: Path, own: str) -> Earlier | None:
    """What the recipe's base was trained and tested on; None where it is no run. `own` is the name of the recipe's run.

    Raises RecipeError where there is no such run, where it goes back to this very run, and for a replay of rows of
    another task; RunError where its training has not finished, or its data is no longer that of its training.
    """
    name = recipe.model.run
    if name is None:
        return None
    if name == own:
        given = f"{RUN}{name}, and this recipe's run has that name: it would be its own base"
        raise RecipeError(Problem("model.name", given, "another run", "give the recipe another name"))
    run = RunFolder(folder / "runs" / name)
    trained = trained_manifest(run.path)
    data = _data_of(run, trained)
    rows = {split: read_split(run.path / "data", split) for split in SPLITS}
    before = read_lineage(run.path / "data")
    _refuse_circle(name, own, set() if before is None else set(before["run"]))
    general = read_general(run.path / "data")
    learned = [*rows.values(), *([] if general is None else [general])]
    lineage = lineage_of(name, learned, before, group=data.declares["data"]["group"])
    task = str(trained.declares["task"])
    return Earlier(
        run=name,
        task=task,
        train=rows["train"],
        test=rows["test"],
        lineage=lineage,
        labels=tuple(trained.declares["labels"]) if task == recipe.task == "classification" else (),
        replay=_replay(recipe, name, task),
        seed=recipe.seed,
        sha256=digest({k: v for k, v in data.outputs.items() if k.endswith(".parquet") and "dropped" not in k}),
        group_column=recipe.data.group,
    )


def _data_of(run: RunFolder, trained: Manifest) -> Manifest:
    """The manifest of the data that the run's model was trained on."""
    data = finished(run, Stage("data", 0))
    used = {name: value for name, value in trained.declares["data"].items() if name.startswith("data/")}
    stands = data is not None and all(data.outputs.get(name) == value for name, value in used.items())
    if data is None or not stands or not intact(run, trained):
        given = "its data or its model is not the one that its training ended with"
        expected = "a run whose training has finished, as it was left"
        raise RunError(Problem(str(run.path), given, expected, "finish that run first: tunewright run RECIPE"))
    lineage = "data/lineage.parquet" in data.outputs
    if str(trained.declares["model"]["name"]).startswith(RUN) != lineage:
        given = "it was tuned from an earlier run, and its data does not say what that was tested on"
        raise RunError(
            Problem(str(run.path), given, "a run of this version", "run that recipe again: tunewright run RECIPE")
        )
    return data


def _refuse_circle(name: str, own: str, before: set[str]) -> None:
    if own in before:
        given = f"{RUN}{name}, which goes back to {RUN}{own}: this recipe's own run"
        raise RecipeError(Problem("model.name", given, "a run made before this one", "give the recipe another name"))


def _replay(recipe: Recipe, name: str, task: str) -> float:
    asked = recipe.data.replay
    if task == recipe.task:
        return REPLAY if asked is None else asked
    if asked:
        given = f"is {asked:g}, and run {name} was tuned for the task {task}: its rows are none of {recipe.task}"
        raise RecipeError(Problem("data.replay", given, "rows of the same task", "remove data.replay"))
    return 0.0
