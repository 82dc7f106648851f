"""Everything that can be found wrong with a recipe, its data and its base without loading weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.core.errors import RecipeError, TunewrightError
from tunewright.core.rows import Finding
from tunewright.core.tasks import reads
from tunewright.data.batching import steps_per_epoch
from tunewright.data.clusters import cluster_ids
from tunewright.data.hub import HUB
from tunewright.data.hub import cached as cached_data
from tunewright.data.private.shown import shielded
from tunewright.models.base import find_local, read_facts
from tunewright.models.catalogue import rate_range
from tunewright.pipeline.augmenting import augment_faults
from tunewright.pipeline.checked import BASE_NOT_HERE, DATA_NOT_HERE, Checked, Fault, faults_of
from tunewright.pipeline.context import Context
from tunewright.pipeline.general import general_passages, left_out
from tunewright.pipeline.outlook import detectable, power_findings
from tunewright.pipeline.outlook_layers import layers_line, thawing_findings
from tunewright.pipeline.regularising import optimizer_faults, regularising_findings
from tunewright.pipeline.rights import rights_findings
from tunewright.pipeline.semantic import semantic_faults
from tunewright.pipeline.show import show_rows
from tunewright.pipeline.text_outlook import floors_out_of_reach, limit_beyond_context, short_limit, small_test
from tunewright.pipeline.toxicity import toxicity_faults
from tunewright.pipeline.unmeasured import Unmeasured
from tunewright.pipeline.weighing import weighing_findings, weight_line
from tunewright.recipe.load import load_recipe
from tunewright.recipe.model import RUN
from tunewright.training.fit import total_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl

    from tunewright.core.rows import Profile
    from tunewright.data.earlier import Earlier
    from tunewright.data.prepare import Prepared
    from tunewright.models.base import Base, BaseFacts
    from tunewright.pipeline.tasks import Task
    from tunewright.recipe.judge import ConditionSpec
    from tunewright.recipe.recipe import Recipe
    from tunewright.recipe.train import TrainSpec

FAR = 10.0
"""A learning rate this many times off the known range is a slip of the pen more often than a choice."""


def check_recipe(path: Path, overrides: Sequence[str] = (), *, show: int = 0) -> Checked:
    """All findings in one pass. Raises RecipeError only for a recipe that cannot be read at all; touches no network."""
    context = Context(load_recipe(path, overrides))
    base, facts, faults = _base(context)
    faults += _task_faults(context, facts) + optimizer_faults(context.recipe.train)
    task = _task(context, facts)
    here = base is not None and not faults
    faults += _refused(context, base, facts, task)
    unread, short = _general_text(context, task)
    faults += unread
    prepared: Prepared | None = None
    notes = [*_base_notes(context.recipe, base, facts), *_rate_findings(context.recipe, facts)] if facts else []
    notes += short
    lost = base is None and context.recipe.model.name.startswith(RUN)  # told of: its rows would be missed once more
    if not lost and not any(fault.problem.place == "task" for fault in faults):
        prepared, unread, found = _data(context, here=here)
        faults, notes = faults + unread, notes + found
    faults += _draws_faults(context.recipe, prepared)
    for faults_and_notes in (augment_faults, semantic_faults, toxicity_faults):
        unmade, told = faults_and_notes(context)
        faults, notes = faults + [fault for fault in unmade if fault not in faults], notes + told
    notes += rights_findings(context.recipe)
    profile = prepared.profile if prepared else None
    if profile is not None:
        notes += profile.findings
        notes += weighing_findings(context.recipe, profile)
        train = context.recipe.train
        notes += thawing_findings(train, facts.layers if facts is not None else None, profile.splits["train"].rows)
        notes += regularising_findings(train, total_steps(profile.splits["train"].rows, train))
        notes += power_findings(profile.splits["test"].labels) if context.recipe.task == "classification" else []
    notes += _gate_findings(context.recipe, task, profile.imbalance_ratio if profile else None)
    if prepared is not None and not reads(context.recipe.task):
        notes += _text_findings(context, task, prepared.splits["test"], here=here)
    layers = facts.layers if facts is not None else None
    plan = _plan(context, profile, layers) if profile is not None and not faults else ()
    shown = show_rows(context, prepared.splits["train"], show) if show and here and prepared is not None else []
    return Checked(*shielded((tuple(faults), tuple(notes))), plan, tuple(shown))


def _base(context: Context) -> tuple[Base | None, BaseFacts | None, list[Fault]]:
    """The base where it is on this machine, what is known of it without its weights, and what is wrong with it."""
    base: Base | None = None
    try:
        base = find_local(context.recipe.model, context.folder)
        return base, read_facts(base, context.recipe.model.name), []
    except TunewrightError as fault:
        return base, None, faults_of(fault)


def _task_faults(context: Context, facts: BaseFacts | None) -> list[Fault]:
    """A task that this version lacks, or a base that cannot do it."""
    from tunewright.pipeline.tasks import require_task, task_of  # noqa: PLC0415  # brings torch in

    recipe = context.recipe
    try:
        require_task(recipe.task)
        if facts is not None:
            task_of(recipe.task, facts, recipe.model.name)
    except RecipeError as fault:
        return faults_of(fault)
    return []


def _earlier(context: Context) -> Earlier | None:
    """The run that is the base; None where it cannot be read, which is told of by the data."""
    try:
        return context.earlier
    except TunewrightError:
        return None


def _refused(context: Context, base: Base | None, facts: BaseFacts | None, task: Task | None) -> list[Fault]:
    """Whatever a run would stop for before it reads its data."""
    from tunewright.pipeline.refusals import REFUSALS, Asked  # noqa: PLC0415  # brings torch in

    if facts is None or task is None or (base is None and facts.family is None):
        return _gate_faults(context.recipe)
    faults = []
    asked = Asked(context.recipe, facts, task, base, _earlier(context))
    for refusal in REFUSALS:
        try:
            refusal(asked)
        except RecipeError as fault:
            faults += faults_of(fault)
    return faults


def _task(context: Context, facts: BaseFacts | None) -> Task | None:
    """The row of the task table; None where the base is unknown or unfit, which is told of already."""
    from tunewright.pipeline.tasks import going_on, task_of  # noqa: PLC0415  # brings torch in

    if facts is None:
        return None
    try:
        task = task_of(context.recipe.task, facts, context.recipe.model.name)
        return going_on(task) if context.goes_on is not None else task
    except TunewrightError:
        return None


def _base_notes(recipe: Recipe, base: Base | None, facts: BaseFacts) -> Iterator[Finding]:
    if base is None:
        yield _not_here(recipe.model.name, known=facts.family is not None)
    elif facts.family is None:
        message = f"{recipe.model.name} is of the architecture {facts.model_type!r}, which this version does not know"
        yield Finding("architecture_unknown", "warning", message, 1, (), "it may work: try train.max_steps=5 first")


def _not_here(name: str, *, known: bool) -> Finding:
    """A base that was not looked at; of a name that the catalogue does not know either, nothing is known at all."""
    message = f"{name} is not on this machine: neither its files nor the data's lengths were checked"
    if known:
        return Finding(
            BASE_NOT_HERE, "note", message, 1, (), "a run fetches it from the hub; this version knows the name"
        )
    message += "; whether there is such a model, and whether it can do the task, is unknown"
    remedy = f"fetch it (`hf download {name}`) and check again, or name a local folder; a run fetches it from the hub"
    return Finding(BASE_NOT_HERE, "warning", message, 1, (), remedy)


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
    optimizer = recipe.train.optimizer.kind
    known = rate_range(recipe.train.method.kind, facts.parameters, facts.family, optimizer=optimizer)
    if not known.low / FAR < lr < known.high * FAR:
        side = "above" if lr > known.high else "below"
        size = f"{recipe.train.method.kind} tuning of {facts.parameters / 1e6:.0f}M parameters by {optimizer}"
        message = (
            f"train.optimizer.lr {lr:g} lies ten times or more {side} the range known to work for {size} "
            f"({known.low:g} to {known.high:g})"
        )
        yield Finding("learning_rate", "warning", message, 1, (), f"try {known.default:g}, or write `lr: auto`")


def _data(context: Context, *, here: bool) -> tuple[Prepared | None, list[Fault], list[Finding]]:
    """The prepared data, or what is wrong with it; `here` says whether the base's tokenizer can measure the texts."""
    from tunewright.pipeline.prepare import prepared_rows  # noqa: PLC0415

    data = context.recipe.data
    sources = [s for s in (data.train, data.validation, data.test, *data.benchmarks) if s]
    try:
        absent = [s for s in sources if s.startswith(HUB) and not cached_data(s)]
        if absent:
            message = f"{', '.join(absent)} is not on this machine: its rows were not checked"
            return None, [], [Finding(DATA_NOT_HERE, "note", message, 1, (), "a run fetches it from the hub")]
        return prepared_rows(context, None if here else Unmeasured()), [], []
    except TunewrightError as fault:
        return None, faults_of(fault), []


def _gate_findings(recipe: Recipe, task: Task | None, imbalance_ratio: float | None) -> Iterator[Finding]:
    from tunewright.evaluation.gate import on_shares_alone  # noqa: PLC0415

    if imbalance_ratio is not None and on_shares_alone(_conditions(recipe, task, imbalance_ratio), imbalance_ratio):
        message = f"the gate looks at accuracy alone, and the largest class is {imbalance_ratio:.1f} times the smallest"
        yield Finding("gate_on_accuracy", "warning", message, 1, (), "add a condition on macro_f1, or a class_floor")


def _text_findings(context: Context, task: Task | None, test: pl.DataFrame, *, here: bool) -> Iterator[Finding]:
    """What the test of a task of texts can show, and whether its answers have room."""
    spec = context.recipe.evaluation
    units = cluster_ids(test).n_unique()
    yield from small_test(test.height, units)
    if task is None or not task.writes:
        return
    yield from floors_out_of_reach(_conditions(context.recipe, task, None), spec, units)
    if here and spec.generate:
        yield from limit_beyond_context(context.encoder, spec)
        yield from short_limit(test, context.encoder, spec, seed=context.recipe.seed)


def _gate_faults(recipe: Recipe) -> list[Fault]:
    """Conditions that no model could pass, as far as that can be said without the base."""
    from tunewright.evaluation.gate import require_possible  # noqa: PLC0415

    if recipe.model.run is not None:
        return []  # which tests there are is known with the base
    try:
        require_possible(_conditions(recipe, None, None), recipe.evaluation, recipe.task)
    except RecipeError as fault:
        return faults_of(fault)
    return []


def _draws_faults(recipe: Recipe, prepared: Prepared | None) -> list[Fault]:
    """Conditions that no model could pass on these test rows, and columns that they do not have; conditions that none
    could pass on any rows are told of already.
    """
    from tunewright.pipeline.draws import require_draws_for  # noqa: PLC0415
    from tunewright.pipeline.slices import slices_of  # noqa: PLC0415

    if prepared is None:
        return []
    try:
        require_draws_for(recipe, lambda: prepared.splits["test"])
        slices_of(recipe, prepared.splits["test"])
    except RecipeError as fault:
        return faults_of(fault)
    return []


def _general_text(context: Context, task: Task | None) -> tuple[list[Fault], list[Finding]]:
    """A file of general text that a run would not find, or find nothing in; else what of it is not scored."""
    if task is None or task.layout != "causal":
        return [], []  # nothing is scored on it
    try:
        general_passages(context)
        short = left_out(context)
    except TunewrightError as fault:
        return faults_of(fault), []
    remedy = "join them with the paragraphs behind them, if they are to count"
    return [], [] if short is None else [Finding("short_paragraphs", "note", short, 1, (), remedy)]


def _conditions(recipe: Recipe, task: Task | None, imbalance_ratio: float | None) -> list[ConditionSpec]:
    """The gate's conditions: the recipe's, else the task's own."""
    from tunewright.pipeline.tasks import conditions_of  # noqa: PLC0415  # brings torch in

    if recipe.gate.conditions is not None:
        return recipe.gate.conditions
    return task.conditions(imbalance_ratio) if task is not None else conditions_of(recipe.task, imbalance_ratio)


def _plan(context: Context, profile: Profile, layers: int | None) -> tuple[str, ...]:
    spec = context.recipe.train
    rows = profile.splits["train"].rows
    steps, base = total_steps(rows, spec), context.recipe.model.name
    sizes = ", ".join(f"{name} {split.rows}" for name, split in profile.splits.items())
    return (
        f"run directory: {context.run.path}",
        f"rows: {sizes}; {len(profile.labels)} labels",
        f"test: {detectable(profile.splits['test'].rows)}",
        f"training: {steps} steps of {spec.batch_size} examples, {spec.method.kind} tuning of {base}",
        *layers_line(spec, layers, rows),
        *weight_line(context.recipe, profile),
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
