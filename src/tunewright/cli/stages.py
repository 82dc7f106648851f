"""`tunewright prepare | baseline | train | evaluate | gate | report`: each stage of a run by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tunewright.cli.output import AsJson, Overrides, RecipePath, open_context, put, put_json
from tunewright.core.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

VERBS = {
    "prepare": "Read, check, clean and split the data; freeze the test.",
    "baseline": "Score the base and simple baselines on the frozen test rows.",
    "train": "Tune the base; a killed training resumes where it stood.",
    "evaluate": "Test the tuned model on the frozen test rows beside base and baselines.",
    "gate": "Judge whether the tuned model may ship; exits 1 when it may not or evidence is lacking.",
    "report": "Write report.html and the model card.",
}


def register(app: typer.Typer) -> None:
    """Adds a verb a stage."""
    for verb, sentence in VERBS.items():
        app.command(verb, help=sentence)(_command(verb))


def _command(verb: str) -> Callable[..., None]:
    def command(recipe: RecipePath, overrides: Overrides = None, *, as_json: AsJson = False) -> None:
        from tunewright.pipeline.run import (
            run_stages,
            stage_summary,
        )

        context = open_context(recipe, overrides)
        done = run_stages(context, [verb])[verb]
        summary = stage_summary(context, verb, done)
        if as_json:
            put_json(summary)
        else:
            put(f"{verb}: {summary['state']}: {done.folder}")
        if verb == "gate":
            if not as_json:
                verdict = Verdict(summary["verdict"]).words
                put("\n".join([f"verdict: {verdict}", *(f"  {line}" for line in summary["reasons"])]))
            if summary["verdict"] != Verdict.SHIP:
                raise typer.Exit(1)

    return command
