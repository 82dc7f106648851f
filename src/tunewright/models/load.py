"""A base's files become a model in memory. Weights are read from safetensors only; remote code is never run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification
from transformers.utils import logging as transformers_logging

from tunewright.core.errors import Problem, RunError
from tunewright.core.seeds import child_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

import contextlib

SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def load_classifier(folder: Path, labels: Sequence[str], *, dropout: float | None, seed: int) -> PreTrainedModel:
    """The base with a fresh classification head, in fp32; the head depends on the seed alone."""
    config = AutoConfig.from_pretrained(folder, **SAFE)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.problem_type = "single_label_classification"
    if dropout is not None:
        set_dropout(config, dropout)
    with _quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(child_seed(seed, "head"))
        return _from_pretrained(AutoModelForSequenceClassification, folder, config)


def load_tuned(folder: Path) -> PreTrainedModel:
    """A tuned classifier as it was saved, in eval mode."""
    with _quiet():
        config = AutoConfig.from_pretrained(folder, **SAFE)
        model = _from_pretrained(AutoModelForSequenceClassification, folder, config)
    model.eval()
    return model


def load_trunk(folder: Path) -> PreTrainedModel:
    """The base without a head, in fp32 and eval mode."""
    with _quiet():
        model = _from_pretrained(AutoModel, folder, AutoConfig.from_pretrained(folder, **SAFE))
    model.eval()
    return model


def set_dropout(config: Any, probability: float) -> None:
    """Every dropout probability in the configuration is `probability`."""
    for name, value in config.to_dict().items():
        if ("dropout" in name or "pdrop" in name) and (isinstance(value, float) or value == 0):
            setattr(config, name, probability)


def save_model(model: PreTrainedModel, folder: Path) -> None:
    """The folder holds configuration and weights in Hugging Face layout, as safetensors."""
    with _quiet():
        model.save_pretrained(folder)


def _from_pretrained(auto: Any, folder: Path, config: Any) -> PreTrainedModel:
    try:
        model: PreTrainedModel = auto.from_pretrained(
            folder, config=config, use_safetensors=True, dtype=torch.float32, **SAFE
        )
    except (OSError, ValueError, RuntimeError) as fault:
        given = f"cannot be loaded: {str(fault).splitlines()[0]}"
        raise RunError(
            Problem(str(folder), given, "a whole model in Hugging Face layout", "fetch or write it again")
        ) from fault
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No load report: a new head's weights are meant to be new."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bar:
            transformers_logging.enable_progress_bar()
