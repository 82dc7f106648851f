from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from tunewright.core.errors import RecipeError
from tunewright.pipeline.rights import rights_findings, rights_of
from tunewright.recipe.load import load_recipe
from tunewright.recipe.rights import commercial_use

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.recipe.recipe import Recipe


def recipe(folder: Path, rights: dict[str, Any]) -> Recipe:
    written = {"model": "starter/encoder", "data": {"train": "a.csv", "test": "b.csv"}, "task": "classification"}
    (folder / "recipe.yaml").write_text(json.dumps(written | {"rights": rights}))
    return load_recipe(folder / "recipe.yaml").recipe


@pytest.mark.parametrize("part", ["model", "train", "validation", "test"])
def test_a_licence_that_forbids_the_use_is_refused_and_both_fields_are_named(tmp_path: Path, part: str) -> None:
    with pytest.raises(RecipeError, match=rf"rights.usage is 'commercial' and rights.{part}.license is 'CC-BY-NC-4.0'"):
        recipe(tmp_path, {"usage": "commercial", part: {"license": "CC-BY-NC-4.0"}})
    recipe(tmp_path, {part: {"license": "CC-BY-NC-4.0"}})
    recipe(tmp_path, {"usage": "commercial", part: {"license": "CC-BY-NC-4.0", "permission": "by its owner"}})


def test_an_unknown_licence_is_a_warning_for_each_source_and_no_warning_without_a_use(tmp_path: Path) -> None:
    known = {"model": {"license": "apache-2.0"}, "train": {"license": "our own terms"}}
    found = rights_findings(recipe(tmp_path, {"usage": "commercial", **known}))
    assert [(finding.kind, finding.severity) for finding in found] == [("license_unknown", "warning")] * 2
    assert "a.csv is 'our own terms'" in found[0].message
    assert "b.csv is unknown" in found[1].message
    assert rights_findings(recipe(tmp_path, known)) == []


def test_the_rights_of_the_base_stand_first_and_absent_sources_have_none(tmp_path: Path) -> None:
    found = rights_of(recipe(tmp_path, {"train": {"license": "MIT", "attribution": "A. Author"}}))
    assert [right.source for right in found] == ["starter/encoder", "a.csv", "b.csv"]
    assert [right.license for right in found] == ["Apache-2.0", "MIT", None], "a starter's licence is known"
    assert found[1].attribution == "A. Author"


def test_what_the_recipe_says_of_a_starter_stands(tmp_path: Path) -> None:
    assert rights_of(recipe(tmp_path, {"model": {"license": "our own terms"}}))[0].license == "our own terms"
    assert all("starter" not in said.message for said in rights_findings(recipe(tmp_path, {"usage": "commercial"})))


def test_the_table_of_licences_tells_no_licence_both_ways() -> None:
    lists = json.loads(files("tunewright.recipe").joinpath("licenses.json").read_text(encoding="utf-8"))
    allowed, forbidden = ({name.casefold() for name in lists[kind]} for kind in ("commercial", "noncommercial"))
    assert not allowed & forbidden
    assert {commercial_use(name) for name in lists["commercial"]} == {True}
    assert {commercial_use(name) for name in lists["noncommercial"]} == {False}
    assert commercial_use("CC-BY-NC-SA-9.9") is False
    assert commercial_use("llama3") is None
    assert commercial_use(None) is None
