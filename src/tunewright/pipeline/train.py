"""Stage `training`: the base is tuned, its best checkpoint becomes `model/`; a killed run resumes exactly."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunewright.core.codec import from_data, to_data
from tunewright.core.encoded import READING
from tunewright.core.errors import Problem, RecipeError, RunError
from tunewright.core.files import built_aside, digest, disk_faults, read_mapping, tree_hashes, write_json
from tunewright.core.titles import metric_title
from tunewright.data.batching import steps_per_epoch
from tunewright.data.loader import LoadPlan
from tunewright.data.overlength import overlength_policy
from tunewright.data.store import read_general, read_profile, read_split
from tunewright.data.token_rows import joined
from tunewright.data.tokenize import ENCODER_VERSION, tokenize
from tunewright.models.catalogue import rate_range
from tunewright.models.encoders import text_encoder
from tunewright.models.freeze import apply_method, train_mode
from tunewright.models.load import save_model
from tunewright.models.mean_pooling import read_mean
from tunewright.models.value_head import fold_scale, output_layer
from tunewright.pipeline.doctor import idle_accelerator
from tunewright.pipeline.prefix import prefix_loss
from tunewright.pipeline.prepare import DATA, current_data
from tunewright.pipeline.reads import reads_mean
from tunewright.pipeline.samples import sampler
from tunewright.pipeline.scaling import scale_of, standardised
from tunewright.pipeline.stages import MANIFEST, Done, Manifest, key_of, needed, seal
from tunewright.pipeline.teacher import soft_targets
from tunewright.pipeline.trainings import CHECKPOINTS, EVENTS, OUTCOME, TRAINING, clear_aside, make_way, standing
from tunewright.pipeline.validate import ValidationWithError
from tunewright.pipeline.weighing import weight_line
from tunewright.tracking.events import EventLog
from tunewright.tracking.observers import Observers
from tunewright.training.checkpoint import folder_of, keep_only, load_checkpoint, load_weights, newest_checkpoint
from tunewright.training.class_weights import class_weights
from tunewright.training.engine import Duration, start
from tunewright.training.fit import FitOutcome, FitPlan, Hooks, fit, interrupted_after, total_steps
from tunewright.training.interrupt import interruptions
from tunewright.training.objective import training_loss
from tunewright.training.packing import packing_fault
from tunewright.training.settings import Resolved, pick_device, resolve, thread_count
from tunewright.training.vocabulary import compact_vocabulary, whole_vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tunewright.core.training import EvaluationReport, StepReport
    from tunewright.data.tokenize import TokenRows
    from tunewright.models.value_head import Scale
    from tunewright.pipeline.context import Context
    from tunewright.training.checkpoint import Progress
    from tunewright.training.step import TrainState

LIBRARIES = {
    name: metadata.version(name)
    for name in ("torch", "transformers", "peft", "accelerate", "numpy", "scikit-learn", "schedulefree")
    if name != "schedulefree" or find_spec(name) is not None  # an extra
}
"""Whose code decides the numbers, and whether rows that are packed see each other."""

TRAINED_ON = frozenset({"data/train.parquet", "data/validation.parquet", "data/general.parquet"})

TIMED = frozenset({"timings.jsonl"})
"""Files whose bytes differ from run to run: they belong to no hash."""


def train(context: Context) -> Done:
    """The run's `training/` holds the record and `model/` the tuned model of the best checkpoint.

    A run that was killed resumes at its newest whole checkpoint, if nothing that decides the result has changed.
    Raises Interrupted after SIGINT or SIGTERM, RunError on non-finite numbers or a full disk.
    """
    data = current_data(context)
    declares = _declares(context, data)
    key = key_of(TRAINING, declares)
    found = standing(context, key)
    if found is not None:
        context.say("training: unchanged, skipped")
        return Done(found, context.run.of(TRAINING), skipped=True)
    idle = idle_accelerator()
    if idle is not None:
        context.say(f"training: {idle}")
    started = time.perf_counter()
    make_way(context, key)
    with thread_count(settle(context).threads):
        _train(context, key)
    manifest = seal(TRAINING, declares, _outputs(context), seconds=time.perf_counter() - started)
    write_json(context.run.of(TRAINING) / MANIFEST, to_data(manifest))
    clear_aside(context)
    return Done(manifest, context.run.of(TRAINING), skipped=False)


def current_training(context: Context) -> Manifest:
    """The manifest of this stage as it stands. Raises RunError where it must be built first."""
    return needed(context.run, TRAINING, "train", lambda: _declares(context, current_data(context)))


def settle(context: Context) -> Resolved:
    """The run's resolved settings, measured once and kept in `resolved.json` until what they follow from changes."""
    spec = context.recipe.train
    profile = read_profile(context.run.of(DATA))
    ask = digest(
        [
            spec.model_dump(mode="json", exclude={"tensorboard"}),
            context.recipe.task,
            context.base.revision,
            profile.imbalance_ratio,
            pick_device(),
            LIBRARIES,
        ]
    )
    path = context.run.path / "resolved.json"
    kept = read_mapping(path) if path.exists() else {}
    if kept.get("ask") == ask:
        return from_data(Resolved, kept.get("resolved"), place=str(path))
    metric = context.task.checkpoint_metric(profile.imbalance_ratio)
    resolved = resolve(
        spec,
        lr=_learning_rate(context),
        metric=metric,
        cache=context.cache,
        layout=context.task.layout,
        vocabulary=None if context.task.layout in READING else context.tokenizer.vocabulary,
        fault=lambda: _packing_fault(context),
    )
    write_json(path, {"ask": ask, "resolved": to_data(resolved)})
    return resolved


def _packing_fault(context: Context) -> str | None:
    """Why rows of this base cannot be packed; the base is loaded for it."""
    model = context.load_base()
    return packing_fault(model, vocabulary=context.tokenizer.vocabulary, device=torch.device("cpu"))


def _require_exact_packing(context: Context, resolved: Resolved, state: TrainState) -> None:
    """Raises RunError where packed rows see each other, tried on the model and the device that train."""
    if not resolved.packing:
        return
    vocabulary = context.tokenizer.vocabulary
    fault = packing_fault(state.bare_model, vocabulary=vocabulary, device=state.accelerator.device)
    if fault is not None:
        remedy = "write train.packing: false, which sorts rows by length instead"
        raise RunError(Problem("train.packing", fault, "rows that are blind to each other", remedy))


def _learning_rate(context: Context) -> float:
    spec = context.recipe.train
    if spec.optimizer.lr != "auto":
        return spec.optimizer.lr
    if context.facts.parameters is None:
        given = "'auto' needs the model's size, which is unknown"
        raise RecipeError(Problem("train.optimizer.lr", given, "a number such as 2e-5", "write the rate"))
    return rate_range(
        spec.method.kind, context.facts.parameters, context.facts.family, optimizer=spec.optimizer.kind
    ).default


def _declares(context: Context, data: Manifest) -> dict[str, Any]:
    recipe = context.recipe
    splits = {name: value for name, value in data.outputs.items() if name in TRAINED_ON}
    return {
        "train": recipe.train.model_dump(mode="json", exclude={"tensorboard"}),
        # what the template says, not what its file is called, is in the encoder's fingerprint
        "model": recipe.model.model_dump(mode="json", exclude={"template"}),
        "task": recipe.task,
        "seed": recipe.seed,
        "data": splits,
        "input": recipe.data.input,
        "clean": recipe.data.clean.model_dump(mode="json"),
        "labels": list(read_profile(context.run.of(DATA)).labels),
        "base": context.base.revision,
        "encoder": context.encoder.fingerprint,
        "encoder_version": ENCODER_VERSION,
        "overlength": recipe.data.overlength,
        "resolved": settle(context).deciding,
        "reads_mean": reads_mean(recipe, context.facts),
        "libraries": LIBRARIES,
    }


def _train(context: Context, key: str) -> None:
    resolved = settle(context)
    labels = read_profile(context.run.of(DATA)).labels
    encoder = context.task.encoder(context.tokenizer, context.template, labels)
    policy = overlength_policy(context.recipe.data.overlength, context.recipe.task)
    splits = {name: read_split(context.run.of(DATA), name) for name in ("train", "validation")}
    rows = {name: tokenize(split, encoder, policy=policy, cache=context.token_cache) for name, split in splits.items()}
    rows["train"] = _with_general(context, rows["train"])
    scale = scale_of(rows["train"])
    rows = standardised(rows)
    state = _fresh_state(context, resolved, labels, rows)
    if scale is not None:
        output_layer(state.bare_model)  # a head that cannot hold the scale is refused before the first step
    _require_exact_packing(context, resolved, state)
    soft_NK = soft_targets(context, splits["train"], labels, context.run.of(TRAINING))
    plan = _fit_plan(context, resolved, rows["train"], key, soft_NK)
    with disk_faults(plan.checkpoints):
        plan.checkpoints.mkdir(parents=True, exist_ok=True)
    context.say(f"training: {plan.duration.total_steps} steps of {plan.spec.batch_size} examples, {resolved.precision}")
    for line in weight_line(context.recipe, read_profile(context.run.of(DATA))):
        context.say(f"training: {line}")
    found = newest_checkpoint(plan.checkpoints, key)
    if found is not None:
        load_checkpoint(state, *found)
        context.say(f"training: resuming after step {found[1].step}")
    outcome = _fit(context, state, rows, plan, found[1] if found else None)
    _keep_best(context, state, plan, outcome, scale)


def _with_general(context: Context, rows: TokenRows) -> TokenRows:
    """The training rows, and the general text that is trained on beside them."""
    general = read_general(context.run.of(DATA))
    if general is None:
        return rows
    encoder = text_encoder(context.tokenizer, "causal")
    passages = tokenize(general, encoder, policy="window", cache=context.token_cache)
    both = joined(rows, passages)
    share = passages.trained_N.sum() / max(both.trained_N.sum(), 1)
    context.say(f"training: {general.height} passages of general text go along, {share:.0%} of the trained tokens")
    return both


def _fresh_state(
    context: Context, resolved: Resolved, labels: tuple[str, ...], rows: Mapping[str, TokenRows]
) -> TrainState:
    recipe = context.recipe
    base = context.load_base(labels, dropout=recipe.model.dropout)
    if reads_mean(recipe, context.facts):
        base = read_mean(base)
    named = context.base
    model = apply_method(base, recipe.train.method, seed=recipe.seed, base_name=named.address, base_commit=named.commit)
    train_mode(model)
    if context.task.layout in READING:
        _compact(context, model, rows)
    return start(
        model,
        recipe.train,
        lr=resolved.lr,
        bf16=resolved.precision == "bf16",
        seed=recipe.seed,
        cpu=resolved.device == "cpu",
        total_steps=total_steps(len(rows["train"]), recipe.train),
    )


def _compact(context: Context, model: Any, rows: Mapping[str, TokenRows]) -> None:
    """Embeddings of tokens that no row has are left out of the steps, where that is exact."""
    seen = np.concatenate([*(part.flat_ids for part in rows.values()), [context.tokenizer.special.pad]])
    compact = compact_vocabulary(model, context.recipe.train, seen)
    if compact is not None:
        tokens = f"{len(compact.seen_R):,} of {compact.whole[0].num_embeddings:,} token embeddings"
        context.say(f"training: {tokens} are in each step; those of tokens that no row has would only decay")


def _fit_plan(
    context: Context, resolved: Resolved, rows: TokenRows, key: str, soft_NK: NDArray[np.float32] | None
) -> FitPlan:
    spec = context.recipe.train
    an_epoch = steps_per_epoch(len(rows), spec.batch_size)
    return FitPlan(
        spec=spec,
        duration=Duration(total_steps(len(rows), spec), resolved.lr),
        load=replace(_load_plan(context, resolved), soft_NK=soft_NK),
        metric=resolved.metric,
        evaluate_every=an_epoch if spec.evaluate_every == "epoch" else spec.evaluate_every,
        checkpoint_every=an_epoch if spec.checkpoint_every == "epoch" else spec.checkpoint_every,
        checkpoints=context.run.of(TRAINING) / CHECKPOINTS,
        key=key,
    )


def _load_plan(context: Context, resolved: Resolved) -> LoadPlan:
    masked = context.task.layout == "masked"
    return LoadPlan(
        context.recipe.train.batch_size,
        resolved.micro_batch_tokens,
        context.recipe.seed,
        context.tokenizer.special.pad,
        layout=context.task.layout,
        packing=resolved.packing,
        mask_id=context.tokenizer.mask_id if masked else None,
        vocabulary=context.tokenizer.vocabulary if masked else None,
        class_weights=_class_weights(context),
    )


def _class_weights(context: Context) -> tuple[float, ...]:
    """The weight of each class by its training rows; none where the recipe weighs all rows alike."""
    spec = context.recipe.train.class_weights
    if spec is None:
        return ()
    profile = read_profile(context.run.of(DATA))
    return class_weights(spec, profile.splits["train"].labels, profile.labels)


def _fit(
    context: Context, state: TrainState, rows: Mapping[str, TokenRows], plan: FitPlan, resumed: Progress | None
) -> FitOutcome:
    task, stopping = context.task, plan.spec.early_stopping
    with_error = ValidationWithError(plan.metric)
    measured = with_error if stopping is not None and stopping.min_delta == "auto" else task.validate

    def validate(model: Any) -> Mapping[str, float]:
        metrics = measured(model, rows["validation"], task.loss, plan=plan.load, bf16=state.bf16)
        train_mode(model)
        return metrics

    path = context.run.of(TRAINING) / EVENTS
    with EventLog(path, resumed.log_offset if resumed else None) as log, interruptions() as interrupted:

        def log_offset() -> int:
            log.sync()
            return log.offset

        wanted = training_loss(task.loss, plan.spec)
        hooks = Hooks(
            prefix_loss(context, state, rows["train"], plan.load, loss=wanted),
            validate,
            _Logged(log, Observers(context.observers)),
            log_offset,
            interrupted,
            sample=sampler(context) if task.writes else None,
            standard_error=lambda: with_error.error,
        )
        outcome = fit(state, rows["train"], plan, hooks, resumed=resumed)
        late = interrupted()
    if late is not None:  # it came after the last step's question
        raise interrupted_after(late, outcome.steps)
    return outcome


class _Logged:
    """An Observer: the event log first, whose faults stop the run, then the others, whose faults do not."""

    def __init__(self, log: EventLog, others: Observers) -> None:
        self._all = (log, others)

    def on_start(self, plan: Mapping[str, object]) -> None:
        for each in self._all:
            each.on_start(plan)

    def on_step(self, report: StepReport) -> None:
        for each in self._all:
            each.on_step(report)

    def on_evaluation(self, report: EvaluationReport) -> None:
        for each in self._all:
            each.on_evaluation(report)

    def on_end(self, reason: str) -> None:
        for each in self._all:
            each.on_end(reason)


def _keep_best(context: Context, state: TrainState, plan: FitPlan, outcome: FitOutcome, scale: Scale | None) -> None:
    """`model/` is the best checkpoint in Hugging Face layout; of the checkpoints only that one stays.

    A `scale` of numbers is folded into its head.
    """
    model = state.bare_model
    load_weights(model, folder_of(plan.checkpoints, outcome.best_step))
    whole_vocabulary(model)
    model.eval()
    if scale is not None:
        fold_scale(model, scale)
    with built_aside(context.run.path / "model") as attempt:
        save_model(model, attempt, special=context.encoder.special)
        context.tokenizer.save(attempt, template=context.template.source if context.template is not None else None)
    write_json(context.run.of(TRAINING) / OUTCOME, to_data(outcome))
    keep_only(plan.checkpoints, {outcome.best_step})
    best = f"best {metric_title(plan.metric)} {outcome.best_value:.4f} at step {outcome.best_step}"
    context.say(f"training: {outcome.steps} steps, {outcome.reason}; {best}")


def _outputs(context: Context) -> dict[str, str]:
    folder = context.run.of(TRAINING)
    kept = {EVENTS, OUTCOME}
    record = {f"{TRAINING.name}/{n}": h for n, h in tree_hashes(folder, skip=TIMED).items() if n in kept}
    return record | {f"model/{n}": h for n, h in tree_hashes(context.run.path / "model").items()}
