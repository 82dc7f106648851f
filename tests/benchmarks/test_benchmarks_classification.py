"""The quality benchmark of classification: one test over all seeds, and a page that says what the record holds."""

# ruff: noqa: PLC0415  # benchmarks stand beside the package and are imported where they can be

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunewright.core.predictions import ClassPredictions
from tunewright.pipeline.store import write_predictions

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _benchmarks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def predictions(right: list[bool]) -> ClassPredictions:
    probabilities = np.array([[0.9, 0.1] if good else [0.2, 0.8] for good in right])
    rows = tuple(f"row{number}" for number in range(len(right)))
    return ClassPredictions(rows, ("a", "b"), probabilities, np.zeros(len(right), dtype=np.int64), rows)


def test_seeds_share_their_test_rows_so_that_a_row_is_one_unit(tmp_path: Path) -> None:
    from benchmarks.quality_classification import _over_seeds

    better, worse = [True] * 12 + [False] * 8, [False] * 6 + [True] * 6 + [False] * 8
    for seed in (1, 2, 3):
        run = tmp_path / "runs" / f"ours-{seed}"
        for part, right in (("evaluation/predictions", better), ("baseline/base", worse)):
            (run / part).parent.mkdir(parents=True)
            write_predictions(run / f"{part}.parquet", predictions(right))
    found = _over_seeds(tmp_path, [1, 2, 3], "base")
    alone = _over_seeds(tmp_path, [1], "base")
    assert found["difference"]["value"] == pytest.approx(0.3)
    assert (found["difference"]["low"], found["p_value"]) == (alone["difference"]["low"], pytest.approx(2 / 2**6))


def record() -> dict[str, Any]:
    def row(system: str, accuracy: float) -> dict[str, Any]:
        return {"system": system, "seed": 1, "accuracy": accuracy, "loss": 0.25, "baselines": {"base": 0.9}}

    over = {"against": "base", "difference": {"value": 0.01, "low": 0.002, "high": 0.018}, "p_value": 0.004}
    return {
        "rows": [row("ours", 0.935), row("trainer_best", 0.925)],
        "means": {name: {"accuracy": a, "loss": 0.25} for name, a in (("ours", 0.935), ("trainer_best", 0.925))},
        "over_seeds": [over],
        "counts": {"train": 8876},
        "command": "python -m x",
        "environment": {"python": "3.11.7", "code_commit": "abc"},
    }


def test_the_page_says_how_many_rows_the_record_was_made_on() -> None:
    from benchmarks.page import quality

    page = quality(record())
    assert "8,876 training rows" in page
    assert "| Tunewright | 0.9350, 0.2500 | **0.9350**, 0.2500 |" in page
    assert "base +0.0100 (+0.0020 to +0.0180), p = 0.004" in page
