"""What a person names to `init` stands in the recipe, and the recipe reads the file as it was named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tunewright.core.errors import RecipeError
from tunewright.pipeline.context import Context
from tunewright.pipeline.init import propose, write_recipe
from tunewright.pipeline.run import run_stages
from tunewright.recipe.load import load_recipe
from tunewright.recipe.named import Named

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    {"note": f"été {number} {word}", "spare": f"nobody reads {number}", "kind": kind}
    for number in range(30)
    for word, kind in (("refund", "money"), ("parcel", "goods"))
]


def csv_of(folder: Path, encoding: str) -> Path:
    path = folder / "export.csv"
    lines = ["note,spare,kind", *(",".join(row.values()) for row in ROWS)]
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def test_columns_and_encoding_that_are_named_stand_in_the_recipe(tmp_path: Path) -> None:
    data = csv_of(tmp_path, "cp1252")
    named = Named(input="note", target="kind", encoding="cp1252")
    write_recipe(propose(data, tmp_path / "recipe.yaml", named=named), force=False)
    recipe = load_recipe(tmp_path / "recipe.yaml", []).recipe
    assert (recipe.data.input, recipe.data.target, recipe.data.encoding) == ("note", "kind", "cp1252")
    context = Context(load_recipe(tmp_path / "recipe.yaml", []))
    run_stages(context, ["prepare"])
    profile = json.loads((context.run.path / "data" / "profile.json").read_text())
    assert (profile["read"], profile["labels"]) == (60, ["goods", "money"])


def test_records_that_are_named_stand_in_the_recipe(tmp_path: Path) -> None:
    data = tmp_path / "export.json"
    data.write_text(json.dumps({"old": ROWS[:4], "new": {"items": ROWS}}), encoding="utf-8")
    named = Named(records="new.items", input="note", target="kind")
    text = propose(data, tmp_path / "recipe.yaml", named=named).text
    assert "records: new.items" in text
    assert "named by --records" in text


def test_a_column_that_the_file_lacks_is_refused_by_name(tmp_path: Path) -> None:
    data = csv_of(tmp_path, "utf-8")
    with pytest.raises(RecipeError, match="note"):
        propose(data, tmp_path / "recipe.yaml", named=Named(input="notes"))
    assert not (tmp_path / "recipe.yaml").exists()
