"""`auto` settings become numbers once, before step 1; resume reads them and never measures again."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from tunewright.core.files import digest, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from tunewright.recipe.train import TrainSpec

MICRO_BATCH_TOKENS = {"cpu": 8_192, "cuda": 65_536, "mps": 16_384}
"""Tokens of one forward pass by device: bounds memory; a step of short texts fits into one pass anyway."""

BF16_GAIN = 1.15
"""bf16 is taken when it is at least this much faster: below, its rounding is not worth it."""


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


def resolve(spec: TrainSpec, *, lr: float, metric: str, cache: Path) -> Resolved:
    """The settings as numbers. The precision probe takes a second and is cached per machine in `cache`."""
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
    tokens = MICRO_BATCH_TOKENS[device] if spec.micro_batch_tokens == "auto" else spec.micro_batch_tokens
    return Resolved(device, precision, threads, lr, tokens, metric if spec.metric == "auto" else spec.metric, speedup)


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
