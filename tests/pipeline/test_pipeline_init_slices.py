"""A first look names the columns that part the rows into groups with test rows enough."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tunewright.cli.app import exit_code
from tunewright.data.sniff import sniff
from tunewright.pipeline.init import sliceable
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def write_rows(folder: Path, count: int) -> Path:
    rows = [
        {
            "id": f"t{n}",
            "message": f"a longer message about matter {n} and what became of it",
            "label": ["refund", "delivery"][n % 2],
            "region, or so": ["Cork", "Kerry", "Clare"][n % 3],
            "stars": n % 4,
            "customer": f"c{n // 3}",
            "seldom": "x" if n % 9 == 0 else "y" if n % 9 == 1 else None,
            "same": "one",
        }
        for n in range(count)
    ]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_columns_of_few_values_are_named_and_no_others(tmp_path: Path) -> None:
    assert sliceable(sniff(write_rows(tmp_path, 600))) == ["region, or so", "stars"]
    assert sliceable(sniff(write_rows(tmp_path, 300))) == ["region, or so"], "15 test rows of each star are too few"
    assert sliceable(sniff(write_rows(tmp_path, 60))) == []


def test_what_init_says_can_be_written_as_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_rows(tmp_path, 600)
    assert exit_code(["init", str(path), "--out", str(tmp_path / "recipe.yaml")]) == 0
    told = capsys.readouterr()
    (line,) = (line for line in (told.out + told.err).splitlines() if "evaluation.slices" in line)
    override = line.split("`")[1].replace(": ", "=", 1)
    recipe = load_recipe(tmp_path / "recipe.yaml", [override]).recipe
    assert recipe.evaluation.slices == ["region, or so", "stars"]
