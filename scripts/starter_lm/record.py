"""What a training run leaves beside its weights: `pretraining.json`."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tokenizers
import torch
import transformers

from starter_lm import corpus

if TYPE_CHECKING:
    import argparse

    from starter_lm.corpus import Books
    from starter_lm.measure import ModelBits
    from starter_lm.training import Plan


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    plan: Plan
    bits: ModelBits
    seconds: float
    parameters: int
    training_tokens: int


def write_record(settings: argparse.Namespace, books: Books, outcome: Outcome) -> None:
    """Write `pretraining.json` into the output folder."""
    tokens = outcome.plan.steps * outcome.plan.tokens_a_step
    files = [*corpus.training_files(settings.data), corpus.validation_file(settings.data)]
    record = {
        "seed": outcome.plan.seed,
        "steps": outcome.plan.steps,
        "tokens": tokens,
        "epochs": round(tokens / outcome.training_tokens, 3),
        "training_tokens": outcome.training_tokens,
        "training_documents": len(books.training),
        "training_bytes": corpus.count_bytes(books.training),
        "seconds": round(outcome.seconds, 1),
        "device": describe_device(torch.device(settings.device)),
        "parameters": outcome.parameters,
        "validation": {
            "bits_per_byte_sliding": outcome.bits.sliding,
            "bits_per_byte_plain": outcome.bits.plain,
            "tokens": outcome.bits.tokens,
            "bytes": books.n_bytes,
        },
        "settings": {name: value for name, value in vars(settings).items() if not isinstance(value, Path)},
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
        "sha256": {file.name: corpus.sha256(file) for file in files},
    }
    (settings.out / "pretraining.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def describe_device(device: torch.device) -> str:
    """Return the name of the machine that trains the model."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} threads of {platform.processor() or platform.machine()}"
