"""Near-duplicates of one test are one observation: in predictions, intervals and tests, of classes and of texts."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pipeline_room import folder, run_stage

from tiny_room import LABELS, NOISE, ticket_rows, tiny_recipe, write_recipe, write_tickets
from tunewright.core.codec import to_data
from tunewright.core.files import read_json
from tunewright.data.clusters import cluster_ids
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.out_of_fold import fold_numbers
from tunewright.evaluation.settings import ScoreSettings
from tunewright.pipeline.context import Context
from tunewright.pipeline.label_issues import rank_label_issues
from tunewright.pipeline.prepare import prepared_rows
from tunewright.pipeline.store import read_predictions, read_texts
from tunewright.pipeline.unmeasured import Unmeasured
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

STORIES, VARIANTS = 6, 4


def story(number: int, variant: int) -> str:
    """Thirty words drawn by the number, and a last one that alone tells the variants of a story apart."""
    return " ".join([*random.Random(number).choices(NOISE, k=30), f"version{variant}"])


def mixed(number: int, variant: int) -> str:
    return LABELS[(number + variant) % 2]


def alike(label: Callable[[int, int], str] = mixed) -> list[dict[str, str]]:
    return [{"text": story(n, v), "label": label(n, v)} for n in range(STORIES) for v in range(VARIANTS)]


def stories_of(clusters: Iterable[str], texts: Iterable[str]) -> list[set[str]]:
    """The stories, without their last words, of each cluster."""
    found = defaultdict(set)
    for cluster, text in zip(clusters, texts, strict=True):
        found[cluster].add(text.rpartition(" ")[0])
    return list(found.values())


@pytest.mark.parametrize("detected", [True, False])
def test_near_duplicates_of_an_own_test_file_are_one_unit_of_results(
    bert: Path, tmp_path: Path, *, detected: bool
) -> None:
    write_tickets(tmp_path / "tickets.csv", ticket_rows(60))
    write_tickets(tmp_path / "test.csv", alike())
    recipe = tiny_recipe(bert)
    recipe["data"] = {"train": "tickets.csv", "test": "test.csv"} | ({} if detected else {"near_duplicates": None})
    recipe["evaluation"]["baselines"] = ["majority"]
    recipe["gate"] = {"conditions": [{"kind": "floor", "metric": "accuracy", "at_least": 0.1}]}
    write_recipe(tmp_path, recipe)
    run_stage(tmp_path, ("prepare", "baseline"))
    found = read_predictions(folder(tmp_path) / "baseline" / "majority.parquet")
    assert len(found.row_ids) == STORIES * VARIANTS, "no row of a test file leaves"
    assert len(set(found.clusters)) == (STORIES if detected else STORIES * VARIANTS)
    [scored] = read_json(folder(tmp_path) / "baseline" / "scores.json")
    apart = score_system(
        replace(found, clusters=found.row_ids),
        name="majority",
        title="majority",
        role="baseline",
        settings=ScoreSettings(0.95, 200, 13),
    )
    one_each = to_data(apart)["metrics"]["macro_f1"]
    assert (scored["metrics"]["macro_f1"] == one_each) is not detected


def written_by_lookup(data: dict[str, Any]) -> dict[str, Any]:
    """A recipe whose baseline needs no model."""
    return {
        "model": "starter/lm",
        "data": data,
        "task": "generation",
        "evaluation": {"baselines": ["nearest_neighbour"], "resamples": 200},
        "gate": {"conditions": [{"kind": "floor", "metric": "chrf", "at_least": 1}]},
    }


@pytest.mark.parametrize("own", [True, False])
def test_prompts_that_are_near_duplicates_are_one_unit_of_results(tmp_path: Path, *, own: bool) -> None:
    rows = [{"prompt": row["text"], "completion": row["label"]} for row in (*alike(), *ticket_rows(60, longest=40))]
    test = rows[: STORIES * VARIANTS]
    for name, some in (("all.jsonl", rows[len(test) :] if own else rows), ("test.jsonl", test)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    data = {"train": "all.jsonl"} | ({"test": "test.jsonl"} if own else {})
    write_recipe(tmp_path, written_by_lookup(data))
    run_stage(tmp_path, ("prepare", "baseline"))
    found = read_texts(folder(tmp_path) / "baseline" / "nearest_neighbour.parquet")
    told = [(c, p) for c, p in zip(found.clusters, found.prompts, strict=True) if "version" in p]
    held = stories_of(*zip(*told, strict=True))
    assert all(len(stories) == 1 for stories in held)
    assert held
    assert len(held) == (STORIES if own else len(told) // VARIANTS)


def test_folds_of_label_issues_keep_near_duplicates_together_and_conflicts_name_them(tmp_path: Path) -> None:
    odd = alike(lambda number, variant: LABELS[variant == 0 and number % 2])
    write_tickets(tmp_path / "tickets.csv", [*odd, *ticket_rows(60)])
    recipe = tiny_recipe("someone/not-here")
    recipe["data"] = {"train": "tickets.csv"}
    context = Context(load_recipe(write_recipe(tmp_path, recipe)))
    splits = prepared_rows(context, Unmeasured()).splits
    own = splits["train"].filter(splits["train"]["input"].str.contains("version"))
    fold_N = fold_numbers(cluster_ids(own).to_list(), np.zeros(own.height, dtype=np.int64), folds=3, seed=1)
    held = stories_of(map(str, fold_N), own["input"])
    assert sum(map(len, held)) == len({text for stories in held for text in stories}), "a story is in one fold"
    found = rank_label_issues(context).rows
    torn = {text for text in own["input"] if _number(text) % 2}
    assert torn
    assert set(found.filter(found["conflicts"] != "")["text"]) >= torn


def _number(text: str) -> int:
    return next(n for n in range(STORIES) if text.startswith(story(n, 0).rpartition(" ")[0]))
