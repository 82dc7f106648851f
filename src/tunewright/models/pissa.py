"""Adapters that begin as a matrix's principal singular vectors, saved so that the base beside them is as it was.

At the start each matrix W becomes W - s B0 A0, and the adapter s B A begins at A0, B0 (s is the adapter's scale). What
is saved is the difference to W, which is s (B A - B0 A0): a plain adapter of twice the rank, `[B, -B0]` and `[A; A0]`
(Meng et al. 2024, and peft's conversion of PiSSA to LoRA).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

ADAPTER = "default"
"""What peft calls the one adapter of a model in its parameters' names, and leaves out of its files."""


def require_rank(targets: Mapping[str, nn.Module], rank: int) -> None:
    """Raises RecipeError where a matrix has fewer singular vectors than the rank asks for."""
    name, most = min(((name, min(module.weight.shape)) for name, module in targets.items()), key=lambda pair: pair[1])  # type: ignore[arg-type]  # linear modules: their weight is a matrix
    if rank > most:
        given = f"{rank}, and with initialisation: pissa {name!r} has only {most} singular vectors"
        remedy = "lower it, or use initialisation: zero"
        raise RecipeError(Problem("train.method.rank", given, f"1 to {most}", remedy))


def start_of(model: nn.Module) -> dict[str, Tensor]:
    """The adapter's matrices as they are now, copied, by their names in its files."""
    return {
        name.replace(f".{ADAPTER}.", "."): parameter.detach().cpu().clone()
        for name, parameter in model.named_parameters()
        if ".lora_A." in name or ".lora_B." in name
    }


def make_plain(weights: Path, config: Path, start: Mapping[str, Tensor]) -> None:
    """The adapter's files, written while its matrices lay on a base without `start`, are those of one on the base."""
    saved = load_file(weights)
    for name, first in start.items():
        of_a = ".lora_A." in name
        saved[name] = torch.cat([saved[name], first if of_a else -first], dim=0 if of_a else 1).contiguous()
    save_file(saved, weights, metadata={"format": "pt"})
    told: dict[str, Any] = read_json(config)
    told["r"] *= 2
    told["lora_alpha"] *= 2**0.5 if told["use_rslora"] else 2  # the scale stays alpha over the rank, or over its root
    told["init_lora_weights"] = True
    write_json(config, told)
