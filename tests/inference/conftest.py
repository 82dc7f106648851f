"""Tiny random models that write, in memory and in eval mode."""

# ruff: noqa: PLC0415  # nothing heavy before a test asks for it

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def _model(family: str, changes: tuple[tuple[str, Any], ...]) -> Any:
    import torch
    import transformers

    from tiny_models import FAMILIES, NO_HEAD_DIM, SEQ2SEQ

    more = {
        "bloom": (
            "BloomForCausalLM",
            {**SEQ2SEQ, "hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.15},
        ),
        "falcon": ("FalconForCausalLM", {**NO_HEAD_DIM, "alibi": True}),
        "lfm2": (
            "Lfm2ForCausalLM",
            {**NO_HEAD_DIM, "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
        ),
    }
    name, sizes = {**FAMILIES, **more}[family]
    kind = getattr(transformers, name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return kind(kind.config_class(**{**sizes, **dict(changes)})).eval()


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Any]:
    """The tiny model of a family, with changes to its configuration; not to be trained."""
    return lambda family, **changes: _model(family, tuple(sorted(changes.items())))
