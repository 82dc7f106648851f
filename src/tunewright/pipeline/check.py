"""Everything that can be found wrong with a recipe, its data and its base without loading weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunewright.core.codec import to_data
from tunewright.core.errors import DataError, RecipeError, RunError, TunewrightError
from tunewright.core.rows import Finding
from tunewright.data.batching import steps_per_epoch
from tunewright.data.hub import HUB
from tunewright.data.hub import cached as cached_data
from tunewright.models.base import find_local, read_facts
from tunewright.models.catalogue import rate_range
from tunewright.pipeline.context import Context
from tunewright.recipe.judge import BetterThan, ClassFloor, Floor
from tunewright.recipe.load import load_recipe
from tunewright.training.fit import total_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tunewright.core.rows import Profile
    from tunewright.data.prepare import Prepared
    from tunewright.models.base import Base, BaseFacts
    from tunewright.recipe.recipe import Recipe
    from tunewright.recipe.train import TrainSpec

FAR = 10.0
"""A learning rate this many times off the known range is a slip of the pen more often than a choice."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, and what a run would do."""

    findings: tuple[Finding, ...]
    plan: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        """Findings that stop a run."""
        return self.count("error")

    def count(self, severity: str) -> int:
        """Findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The check as JSON data."""
        found = [to_data(finding) for finding in self.findings]
        return {"fit_to_run": self.errors == 0, "findings": found, "plan": list(self.plan)}


def check_recipe(path: Path, overrides: Sequence[str] = ()) -> Checked:
    """All findings in one pass. Raises RecipeError only for a recipe that cannot be read at all; touches no network."""
    context = Context(load_recipe(path, overrides))
    recipe = context.recipe
    findings: list[Finding] = []
    base: Base | None = None
    facts: BaseFacts | None = None
    try:
        base = find_local(recipe.model, context.folder)
        facts = read_facts(base, recipe.model.name)
    except TunewrightError as fault:
        findings += _stopping(fault, "model")
    if facts is not None:
        findings += [*_base_findings(context, base, facts), *_rate_findings(recipe, facts)]
    prepared: Prepared | None = None
    if facts is not None and not any(f.severity == "error" for f in findings):
        prepared, found = _data(context, here=base is not None)
        findings += found
    ratio = prepared.profile.imbalance_ratio if prepared else None
    findings += _gate_findings(recipe, ratio)
    plan = _plan(context, prepared.profile) if prepared else ()
    return Checked(tuple(findings), plan)


def _stopping(fault: TunewrightError, kind: str) -> list[Finding]:
    return [
        Finding(
            kind, "error", f"{p.place}: {p.given}" + (f"; expected {p.expected}" if p.expected else ""), 1, (), p.remedy
        )
        for p in fault.problems
    ]


def _base_findings(context: Context, base: Base | None, facts: BaseFacts) -> Iterator[Finding]:
    from tunewright.models.freeze import require_layers  # noqa: PLC0415  # brings torch in
    from tunewright.pipeline.tasks import task_of  # noqa: PLC0415

    recipe = context.recipe
    try:
        task_of(recipe.task, facts, recipe.model.name)
        require_layers(recipe.train.method, facts.layers)
    except RecipeError as fault:
        yield from _stopping(fault, "model")
    if base is None:
        message = f"{recipe.model.name} is not on this machine: neither its files nor the data's lengths were checked"
        yield Finding(
            "model_not_here", "note", message, 1, (), "a run fetches it from the hub; the name is well formed"
        )
    elif facts.family is None:
        message = f"{recipe.model.name} is of the architecture {facts.model_type!r}, which this version does not know"
        yield Finding("architecture_unknown", "warning", message, 1, (), "it may work: try train.max_steps=5 first")


def _rate_findings(recipe: Recipe, facts: BaseFacts) -> Iterator[Finding]:
    lr = recipe.train.optimizer.lr
    if lr == "auto":
        if facts.parameters is None:
            message = (
                "train.optimizer.lr is 'auto', which needs the model's size, and that is unknown without its files"
            )
            yield Finding("learning_rate", "note", message, 1, (), "it is settled when the model is fetched")
        return
    if facts.parameters is None:
        return
    known = rate_range(recipe.train.method.kind, facts.parameters)
    if not known.low / FAR < lr < known.high * FAR:
        side = "above" if lr > known.high else "below"
        size = f"{recipe.train.method.kind} tuning of {facts.parameters / 1e6:.0f}M parameters"
        message = (
            f"train.optimizer.lr {lr:g} lies ten times or more {side} the range known to work for {size} "
            f"({known.low:g} to {known.high:g})"
        )
        yield Finding("learning_rate", "warning", message, 1, (), f"try {known.default:g}, or write `lr: auto`")


def _data(context: Context, *, here: bool) -> tuple[Prepared | None, list[Finding]]:
    """The prepared data with its findings; `here` says whether the base is, whose tokenizer measures the texts."""
    from tunewright.pipeline.prepare import prepared_rows  # noqa: PLC0415

    data = context.recipe.data
    sources = [s for s in (data.train, data.validation, data.test) if s]
    try:
        absent = [s for s in sources if s.startswith(HUB) and not cached_data(s)]
        if absent:
            message = f"{', '.join(absent)} is not on this machine: its rows were not checked"
            return None, [Finding("data_not_here", "note", message, 1, (), "a run fetches it from the hub")]
        prepared = prepared_rows(context, None if here else _Unmeasured())
    except (DataError, RecipeError, RunError) as fault:
        return None, _stopping(fault, "data")
    return prepared, list(prepared.profile.findings)


class _Unmeasured:
    """Stands for the tokenizer of a base that is not here: no text has a length, so no finding speaks of one."""

    max_tokens = 0
    fingerprint = ""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[] for _ in texts]

    def cut(self, ids: Sequence[int], max_tokens: int) -> list[int]:  # noqa: ARG002  # the signature of the Protocol
        return list(ids)


def _gate_findings(recipe: Recipe, imbalance_ratio: float | None) -> Iterator[Finding]:
    from tunewright.evaluation.gate import IMBALANCED, require_possible  # noqa: PLC0415
    from tunewright.pipeline.tasks import TASKS  # noqa: PLC0415  # brings torch in

    conditions = recipe.gate.conditions
    if conditions is None:
        conditions = TASKS[recipe.task].conditions(imbalance_ratio) if recipe.task in TASKS else []
    metrics = {c.metric for c in conditions if isinstance(c, BetterThan | Floor)}
    guarded = any(isinstance(c, ClassFloor) for c in conditions)
    if metrics == {"accuracy"} and not guarded and imbalance_ratio is not None and imbalance_ratio > IMBALANCED:
        message = f"the gate looks at accuracy alone, and the largest class is {imbalance_ratio:.1f} times the smallest"
        yield Finding("gate_on_accuracy", "warning", message, 1, (), "add a condition on macro_f1, or a class_floor")
    try:
        require_possible(conditions, recipe.evaluation)
    except RecipeError as fault:
        yield from _stopping(fault, "gate")


def _plan(context: Context, profile: Profile) -> tuple[str, ...]:
    spec = context.recipe.train
    rows = profile.splits["train"].rows
    steps, base = total_steps(rows, spec), context.recipe.model.name
    sizes = ", ".join(f"{name} {split.rows}" for name, split in profile.splits.items())
    return (
        f"run directory: {context.run.path}",
        f"rows: {sizes}; {len(profile.labels)} labels",
        f"training: {steps} steps of {spec.batch_size} examples, {spec.method.kind} tuning of {base}",
        f"on the way: {_on_the_way(spec, steps, steps_per_epoch(rows, spec.batch_size))}",
        "stages: prepare, baseline, train, evaluate, gate, report; unchanged ones are skipped",
    )


def _on_the_way(spec: TrainSpec, steps: int, an_epoch: int) -> str:
    """How often the training is evaluated and saved; the last step is both, whatever the rhythm."""
    evaluated = an_epoch if spec.evaluate_every == "epoch" else spec.evaluate_every
    saved = an_epoch if spec.checkpoint_every == "epoch" else spec.checkpoint_every
    sooner = ", fewer if it stops early" if spec.early_stopping is not None else ""
    return (
        f"{math.ceil(steps / evaluated)} evaluations and {math.ceil(steps / saved)} checkpoints{sooner}; "
        "a better evaluation is saved too"
    )
