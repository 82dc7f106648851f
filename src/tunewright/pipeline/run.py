"""The whole life-cycle of one recipe, and each of its stages by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewright.core.codec import to_data
from tunewright.core.files import atomic_write, read_mapping, write_json
from tunewright.pipeline.baseline import baseline
from tunewright.pipeline.context import Context
from tunewright.pipeline.environment import environment
from tunewright.pipeline.evaluate import evaluate, read_results
from tunewright.pipeline.gate import gate, read_gate
from tunewright.pipeline.prepare import prepare
from tunewright.pipeline.recipes import recipe_text
from tunewright.pipeline.refusals import REFUSALS, Asked
from tunewright.pipeline.report import report
from tunewright.pipeline.train import train
from tunewright.recipe.load import load_recipe
from tunewright.reporting.summary import summary
from tunewright.reporting.terminal import print_results
from tunewright.training.settings import thread_count, usable_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from tunewright.core.results import GateResult, Results
    from tunewright.pipeline.stages import Done

STAGES: Mapping[str, Callable[[Context], Done]] = {
    "prepare": prepare,
    "baseline": baseline,
    "train": train,
    "evaluate": evaluate,
    "gate": gate,
    "report": report,
}
"""Verb to stage, in the order in which they build on each other."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run."""

    folder: Path
    report: Path
    results: Results
    gate: GateResult
    built: tuple[str, ...]
    """Verbs of the stages that were built now; the others were unchanged."""

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON data."""
        paths = {"run": str(self.folder), "report": str(self.report), "model": str(self.folder / "model")}
        return {**paths, "built": list(self.built), **summary(self.results, self.gate)}


def run(recipe: str | Path, overrides: Sequence[str] = (), *, context: Context | None = None) -> Outcome:
    """Takes a recipe from raw data to a verdict; what is unchanged since the last run is kept.

    `overrides` are `dotted.path=value`. Raises RecipeError, DataError, RunError or Interrupted; a run that was stopped
    goes on from where it stood when called again.
    """
    context = context or Context(load_recipe(Path(recipe), overrides))
    done = run_stages(context, list(STAGES))
    built = tuple(verb for verb, stage in done.items() if not stage.skipped)
    page = context.run.path / "report" / "report.html"
    return Outcome(context.run.path, page, read_results(context), read_gate(context), built)


def show(outcome: Outcome, console: Console) -> None:
    """The closing table, the verdict with its reasons and the path of the report stand on the console."""
    print_results(console, outcome.results, outcome.gate, report_path=str(outcome.report))


def run_stages(context: Context, verbs: Sequence[str]) -> dict[str, Done]:
    """The named stages in order, within one run directory that nobody else works in meanwhile."""
    require_fit(context)
    done: dict[str, Done] = {}
    asked = context.recipe.train.threads
    with context.run.owned(), thread_count(usable_threads() if asked == "auto" else asked):
        atomic_write(context.run.path / "recipe.yaml", recipe_text(context.loaded).encode())
        write_json(context.run.path / "environment.json", {**environment(), "command": context.command})
        for verb in verbs:
            done[verb] = STAGES[verb](context)
            manifests = {name: to_data(stage.manifest) for name, stage in done.items()}
            _write_overview(context.run.path / "manifest.json", manifests)
    return done


def require_fit(context: Context) -> None:
    """Raises RecipeError for what the recipe asks in vain, before anything is read."""
    asked = Asked(context.recipe, context.facts, context.task, context.base, context.earlier)
    for refusal in REFUSALS:
        refusal(asked)


def _write_overview(path: Path, manifests: Mapping[str, Any]) -> None:
    known = read_mapping(path) if path.exists() else {}
    short = {n: {k: m[k] for k in ("stage", "version", "key", "seconds", "finished_at")} for n, m in manifests.items()}
    write_json(path, {**known, **short})


def stage_summary(context: Context, verb: str, done: Done) -> dict[str, Any]:
    """One stage's outcome as JSON data; the gate's with its verdict and reasons."""
    state = "unchanged" if done.skipped else "built"
    found: dict[str, Any] = {"stage": verb, "state": state, "folder": str(done.folder), "key": done.manifest.key}
    if verb == "gate":
        result = read_gate(context)
        reasons = [f"{o.outcome.value}: {o.condition}: {o.found}" for o in result.outcomes]
        found |= {"verdict": result.verdict.value, "reasons": reasons, "warnings": list(result.warnings)}
    return found
