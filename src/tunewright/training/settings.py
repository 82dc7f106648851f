"""`auto` settings become numbers once, before step 1; resume reads them and never measures again."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import torch

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import digest, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from tunewright.core.encoded import Layout
    from tunewright.recipe.train import TrainSpec

MICRO_BATCH_TOKENS = {"cpu": 8_192, "cuda": 65_536, "mps": 16_384}
"""Tokens of one forward pass by device: bounds memory; a step of short texts fits into one pass anyway."""

LEAST_TOKENS = 1_024
"""Of a pass, however large the vocabulary."""

BF16_GAIN = 1.15
"""bf16 is taken when it is at least this much faster: below, its rounding is not worth it."""


LOGIT_BYTES = {"cpu": 2**30, "cuda": 16 * 2**30, "mps": 2 * 2**30}
"""Most bytes of fp32 logits of one forward pass, should all its tokens be targets and chunks be out of the question."""

PACKS = frozenset[str]()
"""Devices on which `auto` packs: none so far. On the CPU (Llama of 7 x 256, rows of 89 tokens on average, 16 a step)
sorting by length gave as many trained tokens a second as packing or up to 17 % more: it leaves 2 % padding and plain
causal attention, packing 6 % and a mask. Not measured on accelerators."""

Fault = Callable[[], str | None]
"""Asked at most once: why the model cannot pack exactly, or None (`training.packing.packing_fault`)."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What `auto` came to on this machine; it is part of what makes two runs equal."""

    device: str
    precision: Literal["fp32", "bf16"]
    threads: int
    lr: float
    micro_batch_tokens: int
    metric: str
    bf16_speedup: float | None
    """Measured rate of bf16 over fp32; None where it was not measured."""
    packing: bool = False
    """Whether rows lie side by side in sequences."""

    @property
    def deciding(self) -> dict[str, object]:
        """What of it decides a training's numbers: all but the rate measured, which no two measurements agree on."""
        return {name: value for name, value in asdict(self).items() if name != "bf16_speedup"}


def resolve(  # noqa: PLR0913  # what the settings follow from, each by name
    spec: TrainSpec,
    *,
    lr: float,
    metric: str,
    cache: Path,
    layout: Layout = "classes",
    vocabulary: int | None = None,
    fault: Fault | None = None,
) -> Resolved:
    """The settings as numbers. The precision probe takes a second and is cached per machine in `cache`.

    `vocabulary` is given where tokens are predicted. `fault` is asked where the layout is causal and the recipe or the
    device is for packing; without it, nothing packs. Raises RecipeError where the recipe asks for packing in vain.
    """
    device = pick_device()
    threads = usable_threads() if spec.threads == "auto" else spec.threads
    speedup = None
    precision: Literal["fp32", "bf16"] = "fp32"
    if spec.precision != "auto":
        precision = spec.precision
    elif device == "cuda":
        precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    elif device == "cpu":
        with thread_count(threads):
            speedup = cached_bf16_speedup(cache, threads)
        precision = "bf16" if speedup >= BF16_GAIN else "fp32"
    tokens = pass_tokens(device, vocabulary) if spec.micro_batch_tokens == "auto" else spec.micro_batch_tokens
    metric = metric if spec.metric == "auto" else spec.metric
    packing = decide_packing(spec, layout, device, fault)
    return Resolved(device, precision, threads, lr, tokens, metric, speedup, packing)


def pass_tokens(device: str, vocabulary: int | None) -> int:
    """Most tokens of one forward pass where the recipe leaves it open; fewer where their logits would be too large."""
    if vocabulary is None:
        return MICRO_BATCH_TOKENS[device]
    return min(MICRO_BATCH_TOKENS[device], max(LEAST_TOKENS, LOGIT_BYTES[device] // (4 * vocabulary)))


def decide_packing(spec: TrainSpec, layout: Layout, device: str, fault: Fault | None) -> bool:
    """Whether rows are packed. Raises RecipeError where `train.packing: true` is asked of what cannot pack exactly."""
    require_layout(spec, layout)
    if spec.packing is False or layout != "causal" or (spec.packing == "auto" and device not in PACKS):
        return False
    found = fault() if fault is not None else "the model was not tried"
    if found is not None and spec.packing is True:
        raise _cannot_pack(found)
    return found is None


def require_layout(spec: TrainSpec, layout: Layout) -> None:
    """Raises RecipeError where `train.packing: true` is asked of rows that do not pack, whatever the model."""
    if spec.packing is True and layout != "causal":
        raise _cannot_pack(f"rows of the layout {layout!r} do not pack: only those of a causal model do")


def _cannot_pack(found: str) -> RecipeError:
    remedy = "set train.packing: auto, which sorts rows by length instead"
    return RecipeError(Problem("train.packing", f"true, but {found}", "a model that packs exactly", remedy))


def pick_device() -> Literal["cuda", "mps", "cpu"]:
    """The accelerator that torch can use, else the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def usable_threads() -> int:
    """Processors this process may run on, or fewer where OMP_NUM_THREADS says so; what torch is set to has no part."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(affinity, int(asked)) if asked.isdigit() and int(asked) > 0 else affinity


@contextlib.contextmanager
def thread_count(threads: int) -> Iterator[None]:
    """Torch computes with this many threads meanwhile, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def cached_bf16_speedup(cache: Path, threads: int) -> float:
    """The measured rate of bf16 over fp32 on this machine with this torch and thread count."""
    machine = [platform.machine(), _processor(), torch.__version__, torch.backends.cpu.get_cpu_capability(), threads]
    path = cache / f"bf16-{digest(machine)[:16]}.json"
    if path.exists():
        return float(read_json(path)["speedup"])
    speedup = measure_bf16_speedup()
    write_json(path, {"machine": machine, "speedup": speedup})
    return speedup


def measure_bf16_speedup() -> float:
    """Seconds of an fp32 layer's forward and backward pass over those of the same under bf16 autocast."""
    layer = torch.nn.Sequential(torch.nn.Linear(384, 1536), torch.nn.GELU(), torch.nn.Linear(1536, 384))
    x = torch.randn(512, 384)
    times = {bf16: min(_timed(layer, x, bf16=bf16) for _ in range(5)) for bf16 in (False, True, False, True)}
    return round(times[False] / times[True], 2)


def _timed(layer: torch.nn.Module, x: Tensor, *, bf16: bool) -> float:
    started = time.perf_counter()
    for _ in range(4):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = layer(x).float().square().mean()
        loss.backward()
    return time.perf_counter() - started


def _processor() -> str:
    """The processor's model name where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123  # a file of the kernel
            return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        return platform.processor()
