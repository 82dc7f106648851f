"""What the tests of ready recipes share: made-up rows of every task, tiny bases, settings under which all is quick."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tiny_models import tiny_model
from tiny_room import ticket_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.recipe.recipe import Recipe

STEPS = 3
CONTEXT = 1024
"""Of the tiny bases that write: their tokens are hardly more than bytes, and texts of a recipe's own data must fit."""
FAMILY = {"generation": "llama", "text_to_text": "t5", "language_modelling": "llama"}
"""Task to the family of its tiny base."""


def lines_of(recipe: Recipe, *, seed: int) -> str:
    """Ninety different texts under the recipe's columns, with labels, answers or nothing, as its task needs."""
    rows = ticket_rows(90, seed=seed)
    if recipe.task == "language_modelling":
        return "".join(f"{row['text']}\n" for row in [*rows, *ticket_rows(300, seed=seed + 100)])
    text, target = str(recipe.data.input or "text"), recipe.data.target or "label"
    answers = [row["label"] if recipe.task == "classification" else _answer(row["text"]) for row in rows]
    paired = zip(rows, answers, strict=True)
    return "".join(json.dumps({text: row["text"], target: answer}) + "\n" for row, answer in paired)


def writer(task: str, folder: Path) -> Path:
    """A tiny random base for a task of texts, with room for real ones."""
    changes = {} if FAMILY[task] == "t5" else {"max_position_embeddings": CONTEXT}
    tiny_model(FAMILY[task], folder, **changes)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_max_length": CONTEXT}))
    return folder


def quickened(recipe: Recipe) -> list[str]:
    """Overrides under which a run takes a few seconds."""
    found = [f"train.max_steps={STEPS}", "train.precision=fp32", "evaluation.resamples=100"]
    if recipe.task != "classification":
        found += ["evaluation.generate=4", "evaluation.max_new_tokens=8"]
    return found


def _answer(text: str) -> str:
    """An answer that the text gives away."""
    return " ".join(reversed(text.split()[:5]))
