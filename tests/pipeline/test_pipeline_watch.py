"""Whoever waits for a run is told how far the writing of answers is, in both stages that write."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from pipeline_room import run_stage

from tiny_models import tiny_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tunewright.core.generated import Wrote

TRAIN = {"max_steps": 2, "threads": 1, "tensorboard": False, "early_stopping": None}


def test_base_and_tuned_model_tell_how_many_answers_they_have_written(tmp_path: Path) -> None:
    tiny_model("llama", tmp_path / "base")
    rows = [{"prompt": f"what is town {n} like?", "completion": f"it is as {n % 7} as ever"} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluation = {"resamples": 200, "generate": 3, "max_new_tokens": 4, "baselines": ["base"]}
    data = {"train": "rows.jsonl", "near_duplicates": None}
    recipe = {"model": "base", "data": data, "task": "generation", "train": TRAIN, "evaluation": evaluation}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    seen: list[tuple[str, int, list[tuple[int, int]]]] = []

    @contextlib.contextmanager
    def watch(what: str, total: int) -> Iterator[Wrote]:
        told: list[tuple[int, int]] = []
        yield lambda done, tokens: told.append((done, tokens))
        seen.append((what, total, told))

    run_stage(tmp_path, ["prepare", "baseline", "train", "evaluate"], watch=watch)
    assert [(what, total, told[-1][0]) for what, total, told in seen] == [("baseline", 3, 3), ("evaluation", 3, 3)]
    assert all(3 <= told[-1][1] <= 12 for _, _, told in seen)
