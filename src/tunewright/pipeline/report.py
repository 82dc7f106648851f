"""Stage `report`: the page people read, and the model card that goes with the weights."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tunewright.core.codec import to_data
from tunewright.core.encoded import READING
from tunewright.core.files import atomic_write, read_json
from tunewright.data.private.redact import without_secrets
from tunewright.data.private.shown import shielded
from tunewright.data.store import read_dropped, read_profile, read_split
from tunewright.evaluation.mistakes import worst_errors
from tunewright.evaluation.text_mistakes import side_by_side, worst_texts
from tunewright.pipeline.baseline import BASELINE
from tunewright.pipeline.environment import provenance
from tunewright.pipeline.errors_read import WORST as WORST_READ
from tunewright.pipeline.evaluate import EVALUATION, current_evaluation, read_results
from tunewright.pipeline.gate import current_gate, read_gate
from tunewright.pipeline.prepare import DATA, current_data
from tunewright.pipeline.recipes import recipe_text
from tunewright.pipeline.rights import rights_of
from tunewright.pipeline.stages import Done, Stage, run_stage
from tunewright.pipeline.store import read_predictions, read_texts
from tunewright.pipeline.train import current_training, settle
from tunewright.pipeline.trainings import EVENTS, OUTCOME, TRAINING
from tunewright.reporting.card import model_card
from tunewright.reporting.page import render_page
from tunewright.reporting.story import DroppedRow, DroppedSample, ErrorSample, Generation, Story, WorstRow
from tunewright.tracking.events import read_events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tunewright.core.encoded import Layout
    from tunewright.pipeline.context import Context

REPORT = Stage("report", version=3)
WORST = 25
SAMPLES = 5
SIDE_BY_SIDE = 12
EXCERPT = 300


def report(context: Context) -> Done:
    """The run's `report/` holds `report.html` and the model card."""
    inputs = [current_data(context), current_training(context), current_evaluation(context), current_gate(context)]

    def declares() -> dict[str, Any]:
        return {"inputs": {m.stage: m.digest for m in inputs}, "recipe": recipe_text(context.loaded)}

    def build(attempt: Path) -> None:
        told = story(context)
        atomic_write(attempt / "report.html", render_page(told).encode())
        atomic_write(attempt / "README.md", model_card(told).encode())

    return run_stage(context.run, REPORT, declares, build)


def story(context: Context) -> Story:
    """Everything the report tells, without secrets."""
    run, recipe = context.run, context.recipe
    steps, evaluations = read_events(run.of(TRAINING) / EVENTS)
    hub_id = recipe.model.name if context.base.origin == "hub" else None
    notes = (
        (f"The base is the small {recipe.model.name}: a larger base may do better.",)
        if context.base.origin == "starter"
        else ()
    )
    told = Story(
        name=context.loaded.name,
        task=recipe.task,
        model=recipe.model.name,
        data=recipe.data.train,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe_text=recipe_text(context.loaded),
        results=read_results(context),
        gate=read_gate(context),
        profile=read_profile(run.of(DATA)),
        dropped=_dropped(context),
        steps=tuple(steps),
        evaluations=tuple(evaluations),
        errors=_errors(context),
        resolved={k: v for k, v in to_data(settle(context)).items() if v is not None},
        provenance=provenance(context),
        base_model_id=hub_id,
        generations=_generations(context),
        worst=_worst(context),
        ending=read_json(run.of(TRAINING) / OUTCOME)["reason"],
        notes=notes,
        rights=rights_of(recipe),
    )
    return shielded(told)


def _dropped(context: Context) -> tuple[DroppedSample, ...]:
    frame = read_dropped(context.run.of(DATA))
    samples = []
    for (rule, action), rows in sorted(frame.group_by(["rule", "action"], maintain_order=True), key=lambda g: g[0]):
        shown = [
            DroppedRow(f"{row['source']}:{row['line']}", _excerpt(row["input"]), _before(row["before"], row["input"]))
            for row in rows.head(SAMPLES).to_dicts()
        ]
        samples.append(DroppedSample(str(rule), action, rows.height, tuple(shown)))
    return tuple(samples)


def _before(text: str | None, now: str | None) -> str:
    """What a changed row's fields were, where they differ from what they are."""
    fields = json.loads(text) if text else {}
    if set(fields) == {"input"}:
        return _excerpt(fields["input"])
    return "; ".join(f"{name}: {_excerpt(value)}" for name, value in fields.items() if value != now)


def _errors(context: Context) -> tuple[ErrorSample, ...]:
    """The worst errors of a model that reads."""
    layout = context.task.layout
    if layout in WORST_READ:
        return _errors_read(context, layout)
    if layout != "classes":
        return ()
    worst = worst_errors(read_predictions(_predictions(context)), most=WORST)
    rows = _test_rows(context)
    return tuple(
        ErrorSample(
            place=_place(rows[error.row_id]),
            text=_excerpt(rows[error.row_id]["input"]),
            true=error.true,
            predicted=error.predicted,
            probability=error.predicted_probability,
        )
        for error in worst
    )


def _errors_read(context: Context, layout: Layout) -> tuple[ErrorSample, ...]:
    rows = _test_rows(context)
    texts = {row_id: row["input"] for row_id, row in rows.items()}
    worst = WORST_READ[layout](_predictions(context), WORST, texts)
    return tuple(
        ErrorSample(_place(rows[row_id]), _excerpt(rows[row_id]["input"]), true, predicted, None)
        for row_id, true, predicted in worst
    )


def _generations(context: Context) -> tuple[Generation, ...]:
    """What base and tuned model wrote for the same prompts."""
    if not context.task.writes:
        return ()
    path = context.run.of(BASELINE) / "base.parquet"
    base = read_texts(path) if path.exists() else None
    rows = _test_rows(context)
    pairs = side_by_side(base, read_texts(_predictions(context)), most=SIDE_BY_SIDE, seed=context.recipe.seed)
    return tuple(
        Generation(
            place=_place(rows[pair.row_id]),
            prompt=_excerpt(pair.prompt),
            reference=_excerpt(pair.reference),
            base=None if pair.base is None else _excerpt(pair.base),
            tuned=_excerpt(pair.tuned),
            base_score=pair.base_score,
            tuned_score=pair.tuned_score,
            why=pair.why,
        )
        for pair in pairs
    )


def _worst(context: Context) -> tuple[WorstRow, ...]:
    """The rows that a model of texts does worst on."""
    if context.task.layout in READING:
        return ()
    rows = _test_rows(context)
    return tuple(
        WorstRow(
            place=_place(rows[worst.row_id]),
            prompt=_excerpt(worst.prompt),
            reference=_excerpt(worst.reference),
            text=None if worst.text is None else _excerpt(worst.text),
            score=worst.score,
            metric=worst.metric,
        )
        for worst in worst_texts(read_texts(_predictions(context)), most=WORST)
    )


def _predictions(context: Context) -> Path:
    return context.run.of(EVALUATION) / "predictions.parquet"


def _test_rows(context: Context) -> dict[str, dict[str, Any]]:
    return {row["row_id"]: row for row in read_split(context.run.of(DATA), "test").to_dicts()}


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['source']}:{row['line']}"


def _excerpt(text: object) -> str:
    words = "" if text is None else without_secrets(str(text))
    return words if len(words) <= EXCERPT else f"{words[: EXCERPT - 1]}…"
