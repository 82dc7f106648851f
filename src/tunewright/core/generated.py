"""What a generating model is told, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Wrote = Callable[[int, int], None]
"""Told while answers are written: how many have ended, and how many tokens were drawn for all of them together."""


def unwatched(_ended: int, _tokens: int) -> None:
    """Nobody waits."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How tokens are chosen; recorded with every prediction. Greedy where `temperature` is 0."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 13


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer."""

    text: str
    """Without the stop token."""
    new_tokens: int
    """Tokens drawn, the stop token included."""
    stopped: bool | None
    """Whether it ended in a stop token of its own accord, and not at the limit; None where the prompt left no room."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A prompt with the answer a model gave while it was trained, beside the answer it should learn."""

    row_id: str
    prompt: str
    text: str
    reference: str
