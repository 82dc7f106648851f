"""The benchmark of augmentation: its rows are drawn apart, and its table says what the record holds."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from benchmarks.augmentation import METHODS, NONE, PER_CLASS, VALIDATION_PER_CLASS, _write_rows
from benchmarks.page import augmentation

from tunewright.recipe.augment import AugmentSpec, method_name
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_rows_of_a_seed_are_as_many_a_class_and_none_is_used_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"text": f"{label} {n}", "label": label} for label in ("a", "b") for n in range(30)]
    (tmp_path / "banking77").mkdir()
    for name in ("train", "test"):
        (tmp_path / "banking77" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    monkeypatch.setenv("TUNEWRIGHT_DATASETS", str(tmp_path))
    drawn = {}
    for seed in (1, 2):
        _write_rows(tmp_path / str(seed), seed)
        parts = {}
        for name, count in (("train", PER_CLASS), ("validation", VALIDATION_PER_CLASS)):
            lines = (tmp_path / str(seed) / f"{name}.jsonl").read_text().splitlines()
            parts[name] = [json.loads(line) for line in lines]
            assert Counter(row["label"] for row in parts[name]) == {"a": count, "b": count}
        drawn[seed] = {row["text"] for row in parts["train"]}
        assert not drawn[seed] & {row["text"] for row in parts["validation"]}
        load_recipe(tmp_path / str(seed) / "recipe.yaml")
    assert drawn[1] != drawn[2]


def test_the_arms_are_methods_of_the_recipe() -> None:
    for arm, methods in METHODS.items():
        if arm != NONE:
            names = [method_name(method) for method in AugmentSpec.model_validate({"methods": methods}).methods]
            assert names == [arm] or arm == "all"


def test_the_table_says_how_many_rows_were_refused_and_what_changed() -> None:
    made = [{"made": 20, "kept": {"a": 15}, "refused": {"repeats": 5}}]
    rows: list[dict[str, Any]] = [{"method": NONE, "seed": s, "rows": 20, "augmented": []} for s in (1, 2)]
    rows += [{"method": "swap", "seed": s, "rows": 35, "augmented": made} for s in (1, 2)]
    effect = {"system": "swap", "difference": {"value": 0.02, "low": -0.01, "high": 0.05}, "p_value": 0.2}
    record = {
        "rows": rows,
        "means": {NONE: 0.5, "swap": 0.52},
        "effects": [effect],
        "settings": {"per_class": 10, "validation_per_class": 2, "steps": 240},
        "command": "python -m benchmarks.augmentation",
        "environment": {"python": "3", "code_commit": "0" * 40},
    }
    page = augmentation(record)
    assert "| none | 20 | – | 0.5000 | – | – |" in page
    assert "| swap | 35 | 25.0% | 0.5200 | +0.0200 (-0.0100 to +0.0500) | 0.2 |" in page
    assert "mean of 2 seeds" in page
