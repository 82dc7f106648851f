"""What the user says about training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from tunewright.recipe.clashes import clashes
from tunewright.recipe.optimizer import AdamW, OptimizerSpec
from tunewright.recipe.regularise import Ema, Penalties, Swa
from tunewright.recipe.schedule import Linear, ScheduleSpec
from tunewright.recipe.spec import Spec
from tunewright.recipe.teacher import ProbeTeacher


class Unfreezing(Spec):
    """Layers begin to be trained one after the other, from the top down (ULMFiT, Howard & Ruder 2018)."""

    every: PositiveInt | Literal["epoch"] = "epoch"
    """Optimiser steps until the next lower layer is trained too; the embeddings come last."""
    first: Annotated[int, Field(ge=0)] = 1
    """How many of the topmost layers are trained from the first step on, beside the head; 0 begins with the head."""


class Full(Spec):
    """Every weight is trained, or all but some that are named; from the first step, or one layer after the other."""

    kind: Literal["full"] = "full"
    freeze: list[Annotated[str, Field(min_length=1)]] = []
    """Parts that stay as they were: `embeddings`, or names of modules and weights as the architecture writes them, one
    or more whole names between dots, such as `encoder.layer.0-3` (a range), `LayerNorm`, `*.bias` (`*` and `?` stand
    for letters of one name). For knowledge that is to be kept, and for speed: what is frozen below needs no gradient.
    A pattern that names nothing is refused."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Each layer's learning rate is this many times that of the layer above it: the head has the rate itself, the top
    layer this share of it, the embeddings the least. For small data, on which lower layers need to move least: 0.95 to
    0.8 (Howard & Ruder 2018 took 1/2.6; Clark et al. 2020 took 0.8 to 0.9). A decoder stands above its encoder."""
    unfreeze: Unfreezing | None = None
    """Train the head and the top layers first, then one lower layer after the other: for small data, where the new
    head's first gradients would disturb what the base knows. `null` trains all from the first step."""


class TopLayers(Spec):
    """Only the top layers and the head are trained; embeddings and lower layers stay as they were."""

    kind: Literal["top_layers"] = "top_layers"
    layers: Annotated[int, Field(ge=0)]
    """How many of the topmost layers are trained; 0 trains the head alone."""


class Lora(Spec):
    """Low-rank adapters beside frozen matrices (Hu et al. 2022); saved in peft's format, never merged in training."""

    kind: Literal["lora"] = "lora"
    rank: PositiveInt = 16
    """Rank of each adapter."""
    alpha: PositiveFloat | Literal["auto"] = "auto"
    """The adapter's output is scaled by alpha over rank; `auto` is twice the rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout before each adapter."""
    targets: Literal["all_linear"] | Annotated[list[str], Field(min_length=1)] = "all_linear"
    """Modules that get an adapter: all linear ones but the output, or names as they end, such as `q_proj`."""
    rank_stabilised: bool = False
    """Scale by alpha over the root of the rank (rsLoRA, Kalajdzievski 2023): for high ranks, 64 and more, which learn
    no better than low ones without it. At the same alpha the adapter moves further: a lower rate, or alpha, goes with
    it."""
    dora: bool = False
    """Train the length of each matrix's columns apart from their direction (DoRA, Liu et al. 2024): for low ranks, 8
    and less, at the price of slower steps."""
    initialisation: Literal["zero", "pissa"] = "zero"
    """Where adapters begin: `zero` changes nothing at first (Hu et al. 2022); `pissa` takes each matrix's principal
    singular vectors out of it and trains these (Meng et al. 2024), which falls faster in the first epochs and costs a
    singular value decomposition of every matrix at the start. It is saved as a plain adapter of twice the rank, beside
    which the base is as it was."""
    b_rate: Annotated[float, Field(ge=1)] = 1.0
    """How many times the learning rate of an adapter's first matrix its second one has (LoRA+, Hayou et al. 2024, who
    take 16 with a lower rate): for wide models, whose second matrices learn too slowly at one rate."""


MethodSpec = Annotated[Full | TopLayers | Lora, Field(discriminator="kind")]


class Inverse(Spec):
    """A class weighs as much as any other: a row of it, one over the number of its rows."""

    kind: Literal["inverse"] = "inverse"


class SqrtInverse(Spec):
    """A row weighs one over the square root of the number of its class's rows: half way to `inverse`."""

    kind: Literal["sqrt_inverse"] = "sqrt_inverse"


class EffectiveNumber(Spec):
    """A row weighs one over the effective number of its class's rows, (1 - beta^n) / (1 - beta) (Cui et al. 2019)."""

    kind: Literal["effective_number"] = "effective_number"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """0 weighs all rows alike; towards 1 it becomes `inverse`."""


ClassWeightsSpec = Annotated[Inverse | SqrtInverse | EffectiveNumber, Field(discriminator="kind")]


Recompute = Literal["none", "half", "all"]


class EarlyStopping(Spec):
    """Training ends when the validation metric no longer improves; the best checkpoint is kept either way."""

    patience: PositiveInt = 3
    """Evaluations in a row without an improvement before training stops; while a score is 0, none counts."""
    min_delta: NonNegativeFloat | Literal["auto"] = 0.0
    """An improvement is a gain above this; `auto` takes the metric's standard error on the validation rows, so that
    noise is no improvement (for the task `classification`). Of a single row that is unknown, and any gain is one."""


class TrainSpec(Spec):
    """How the base is tuned."""

    method: MethodSpec = Full()
    """Which weights are trained."""
    epochs: PositiveFloat = 8.0
    """Passes over the training split."""
    max_steps: PositiveInt | None = None
    """Stops after this many optimiser steps, whatever `epochs` says; the schedule is fitted to it."""
    batch_size: PositiveInt = 32
    """Examples an optimiser step, whatever fits into memory at once."""
    micro_batch_tokens: PositiveInt | Literal["auto"] = "auto"
    """Most tokens (padding included) in one forward pass; a step is cut into as many passes as that takes."""
    optimizer: OptimizerSpec = AdamW()
    """The optimiser."""
    schedule: ScheduleSpec = Linear()
    """How the learning rate moves over the steps."""
    max_grad_norm: PositiveFloat | None = 1.0
    """Gradients are scaled down to this global norm; `null` turns clipping off."""
    max_grad_value: PositiveFloat | None = None
    """Each number of the gradient is cut to this size first, on both sides of zero; `null` cuts none. For single
    weights with wild gradients; unlike the norm, it changes the gradient's direction."""
    penalties: Penalties = Penalties()
    """What the size of the weights adds to the loss."""
    class_weights: ClassWeightsSpec | None = None
    """Weight of a row in the training loss by the size of its class, for the task `classification`: the loss is the
    weighted mean over the step. Losses of validation and test are not weighted."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each target that all classes, or tokens, have alike in the training loss (Szegedy et al. 2016); 0.1 is
    usual. For many classes, doubtful labels and overconfident models. Losses of validation and test are plain."""
    focal: Annotated[float, Field(gt=0, le=10)] | None = None
    """Exponent gamma of the focal loss (Lin et al. 2017), for the task `classification`: a row's loss is multiplied by
    (1 - p)^gamma, where p is the probability of its class; 2 is usual. For many easy rows and few hard ones."""
    r_drop: Annotated[float, Field(gt=0, le=100)] | None = None
    """Weight alpha of R-Drop (Wu et al. 2021), for the task `classification`: each row goes through the model twice,
    and its two answers, which differ by what dropout drew, are drawn together; 1 to 5 are usual. Twice the work."""
    neftune: PositiveFloat | None = None
    """Alpha of the noise on the input embeddings of a training step (NEFTune, Jain et al. 2024): uniform, at most alpha
    over the root of the row's tokens times the width; 5 is usual. For instructions and other small sets of texts."""
    ema: Ema | None = None
    """Evaluate and keep an exponential moving average of the weights; `null` takes the weights of the last step."""
    swa: Swa | None = None
    """Evaluate and keep the plain mean of the weights of the last steps; `null` takes the weights of the last step."""
    teacher: ProbeTeacher | None = None
    """Softens the targets of the task `classification` by what the untuned base tells of each row; `null` trains on
    labels alone. Losses of validation and test are plain."""
    packing: bool | Literal["auto"] = "auto"
    """Several rows in one sequence, each blind to the others; only where a self-test at the start shows that exactly.
    `auto` packs where that holds, and sorts rows by length otherwise."""
    prefix_cache: bool | Literal["auto"] = "auto"
    """What comes out of frozen bottom layers is computed once for each row, kept on disk beside the runs, and read at
    every epoch and by later runs. `auto` does so where the architecture is known for it and rows are seen more than
    once; a test at the start compares losses with it and without."""
    prefix_cache_gb: PositiveFloat = 8.0
    """Most gigabytes (of 10^9 bytes) of disk that such files take together; the oldest leave first."""
    recompute: Recompute = "none"
    """Layers whose activations are computed again in the backward pass instead of held (activation checkpointing, Chen
    et al. 2016): `half` of them or `all`. For long rows and large bases that do not fit into memory; steps take up to a
    third longer, and learn the same."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Compute type; `auto` takes bf16 where a measured probe shows it faster."""
    threads: Annotated[int, Field(gt=0, le=1024)] | Literal["auto"] = "auto"
    """CPU threads; part of what makes numbers equal, so it is resolved once and kept."""
    metric: Literal["auto", "accuracy", "macro_f1", "micro_f1", "loss"] = "auto"
    """Validation metric that chooses the best checkpoint; `auto` takes the task's own."""
    evaluate_every: PositiveInt | Literal["epoch"] = "epoch"
    """Optimiser steps between evaluations on the validation split."""
    checkpoint_every: PositiveInt | Literal["epoch"] = "epoch"
    """Optimiser steps between checkpoints."""
    early_stopping: EarlyStopping | None = EarlyStopping()
    """When to stop before the last epoch; `null` never stops early."""
    tensorboard: bool = True
    """Write TensorBoard events beside `events.jsonl` where the package is installed."""

    @model_validator(mode="after")
    def _nothing_contradicts(self) -> TrainSpec:
        for fault in clashes(self):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _checkpoints_happen(self) -> TrainSpec:
        if (
            isinstance(self.checkpoint_every, int)
            and self.max_steps is not None
            and self.checkpoint_every > self.max_steps
        ):
            raise ValueError(
                f"checkpoint_every ({self.checkpoint_every}) is larger than max_steps ({self.max_steps}): "
                "no checkpoint would be written before the end; lower checkpoint_every or raise max_steps"
            )
        return self

    @model_validator(mode="after")
    def _layers_are_unfrozen(self) -> TrainSpec:
        unfreeze = self.method.unfreeze if isinstance(self.method, Full) else None
        every = unfreeze.every if unfreeze is not None else None
        if isinstance(every, int) and self.max_steps is not None and every >= self.max_steps:
            raise ValueError(
                f"method.unfreeze.every ({every}) is not less than max_steps ({self.max_steps}): no layer would be "
                "unfrozen before the end; lower method.unfreeze.every or raise max_steps"
            )
        if every == "epoch" and self.epochs <= 1:
            raise ValueError(
                f"method.unfreeze.every is 'epoch', and epochs is {self.epochs:g}: no layer would be unfrozen before "
                "the end; raise epochs or give method.unfreeze.every in steps"
            )
        return self

    @model_validator(mode="after")
    def _a_prefix_is_frozen(self) -> TrainSpec:
        method = self.method
        reason = None
        if self.packing is True:
            reason = "packing is true: rows that lie side by side are not cached"
        elif self.neftune is not None:
            reason = f"neftune is {self.neftune:g}, whose noise on the embeddings no stored output would hold"
        elif self.r_drop is not None:
            reason = f"r_drop is {self.r_drop:g}: rows that go through twice are not cached"
        elif isinstance(method, Lora):
            reason = "method.kind is 'lora', whose adapters stand in every layer"
        elif isinstance(method, Full) and not method.freeze:
            reason = "method.kind is 'full' without method.freeze: no layer is frozen"
        if self.prefix_cache is True and reason is not None:
            raise ValueError(f"prefix_cache is true, and {reason}; write prefix_cache: auto, or change the other")
        return self
