"""What every room must know of a task by its name alone."""

from __future__ import annotations

from typing import Final

READING: Final = frozenset({"classification", "regression", "multilabel", "token_classification"})
"""Tasks whose models read a text and write none: their targets are no texts that are learned."""


def reads(task: str) -> bool:
    """Whether the task's models read texts and write none."""
    return task in READING
