"""Flipped labels of real data are found: `python -m pytest -m slow -s` on this file prints the figures."""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path

import numpy as np
import pytest

from tunewright.core.errors import TunewrightError
from tunewright.evaluation.intervals import wilson
from tunewright.pipeline.context import Context
from tunewright.pipeline.label_issues import rank_label_issues
from tunewright.recipe.load import load_recipe

SHARE = 0.05
LEAST = 0.6
SEEDS = (1, 2, 3)


def flip(rows: list[dict[str, str]], seed: int) -> tuple[list[dict[str, str]], set[int]]:
    """The rows with 5 % of their labels replaced by others drawn evenly, and the lines of these."""
    draw = np.random.default_rng(seed)
    labels = sorted({row["label"] for row in rows})
    chosen = draw.choice(len(rows), size=round(SHARE * len(rows)), replace=False)
    flipped = [dict(row) for row in rows]
    for number in chosen:
        others = [label for label in labels if label != rows[number]["label"]]
        flipped[number]["label"] = others[draw.integers(len(others))]
    return flipped, {int(number) + 1 for number in chosen}


@pytest.mark.slow
@pytest.mark.datasets
@pytest.mark.timeout(1800)
def test_the_top_of_the_ranking_holds_most_of_the_flipped_labels(tmp_path: Path) -> None:
    root = os.environ.get("TUNEWRIGHT_DATASETS")
    if not root:
        pytest.skip("TUNEWRIGHT_DATASETS names no folder of public data sets")
    test = Path(root) / "banking77" / "test.jsonl"
    lines = (Path(root) / "banking77" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    found, hits, planted = [], 0, 0
    for seed in SEEDS:
        flipped, wrong = flip(rows, seed)
        text = "".join(json.dumps(row) + "\n" for row in flipped)
        (tmp_path / f"seed{seed}.jsonl").write_text(text, encoding="utf-8")
        recipe = tmp_path / f"seed{seed}.yaml"
        recipe.write_text(
            f"model: starter/encoder\ntask: classification\ndata: {{train: seed{seed}.jsonl, test: {test}}}\n",
            encoding="utf-8",
        )
        try:
            issues = rank_label_issues(Context(load_recipe(recipe)))
        except TunewrightError as fault:
            if "starter" in str(fault):
                pytest.skip("the extra `starter` is not installed")
            raise
        ranked = issues.rows["line"].to_list()
        held = wrong & set(ranked)
        top = ranked[: round(SHARE * len(ranked))]
        hits, planted = hits + len(held & set(top)), planted + len(held)
        found.append(len(held & set(top)) / len(held))
        doubted = set(issues.rows.filter("in_doubt")["line"])
        print(
            f"seed {seed}: top {SHARE:.0%} ({len(top)} of {len(ranked)} rows) holds {found[-1]:.1%} of {len(held)} "
            f"flipped labels; in doubt: {len(doubted)}, holding {len(held & doubted) / len(held):.1%}; "
            f"right label suggested: {_suggested(issues.rows, held, rows):.1%} ({issues.method})"
        )
    interval = wilson(hits, planted, confidence=0.95)
    print(
        f"banking77, 5 % flipped, three seeds: {statistics.mean(found):.1%} "
        f"(95 % interval {interval[0]:.1%} to {interval[1]:.1%}, {hits} of {planted}; least {min(found):.1%})"
    )
    assert interval[0] >= LEAST
    assert min(found) >= LEAST


def _suggested(ranked: object, held: set[int], rows: list[dict[str, str]]) -> float:
    """Share of the flipped rows for which the label that stood there is suggested."""
    import polars as pl  # noqa: PLC0415  # nothing heavy before a test asks for it

    assert isinstance(ranked, pl.DataFrame)
    named = dict(zip(ranked["line"], ranked["suggested"], strict=True))
    return sum(named[line] == rows[line - 1]["label"] for line in held) / len(held)
