"""The documentation against the code: its commands parse, its links lead somewhere, its recipes are recipes."""

from __future__ import annotations

import ast
import csv
import importlib
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import typer
from ruamel.yaml import YAML
from typer.exceptions import TyperException

from tunewright.cli.app import app, exit_code
from tunewright.core.errors import RecipeError
from tunewright.recipe.load import load_recipe
from tunewright.recipe.schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MINIMAL = "model: starter/encoder\ndata: reviews.csv\ntask: classification\n"

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(?P<body>[^`\n]+(?:\n[^`\n]+)?)`")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_ENVIRONMENT = re.compile(r"^(?:[A-Z_]+=\S+ )+")

VERBS: dict[str, typer.core.TyperCommand] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


class Snippet(NamedTuple):
    """A piece of a page."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.text.split())[:80]}"


def blocks(page: Path, *languages: str) -> Iterator[Snippet]:
    for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
        if match["language"] in languages:
            yield Snippet(page.relative_to(ROOT).as_posix(), match["body"])


def fenced_commands(page: Path) -> Iterator[Snippet]:
    for block in blocks(page, "console", "bash", "sh"):
        for line in block.text.splitlines():
            command = line.removeprefix("$ ").partition("  #")[0].strip()
            if command.startswith("tunewright "):
                yield Snippet(block.page, command)


def inline_commands(page: Path) -> Iterator[Snippet]:
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for match in _INLINE.finditer(prose):
        command = " ".join(match["body"].split())
        command = _ENVIRONMENT.sub("", command).removeprefix(".venv/bin/").partition(" > ")[0]
        if command.startswith("tunewright "):
            yield Snippet(page.relative_to(ROOT).as_posix(), command)


def slugs(page: Path) -> set[str]:
    """The anchors that a page's headings have, as GitHub makes them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def parse(command: str) -> dict[str, object]:
    """The command's parameters; typer raises for a verb, option or argument that it does not know."""
    verb, *arguments = shlex.split(command)[1:]
    if verb in {"--help", "--version", "VERB"}:
        return {}
    assert verb in VERBS, f"there is no verb {verb!r}"
    return dict(VERBS[verb].make_context(verb, arguments).params)


README = ROOT / "README.md"
FENCED = [command for page in PAGES for command in fenced_commands(page)]
PROSE = [command for page in PAGES for command in inline_commands(page)]
INLINE = [command for command in PROSE if len(command.text.split()) > 2]
ALONE = [command for command in PROSE if len(command.text.split()) == 2]
"""Verbs by their name, such as `tunewright run`."""
YAML_BLOCKS = [block for page in PAGES for block in blocks(page, "yaml")]
PYTHON_BLOCKS = [block for page in PAGES for block in blocks(page, "python")]


def test_the_pages_hold_what_these_tests_look_for() -> None:
    assert len(list(fenced_commands(README))) >= 5
    assert len(list(blocks(README, "yaml"))) >= 2
    assert len(list(blocks(README, "python"))) >= 3
    assert len(INLINE) >= 5
    assert len(ALONE) >= 5


@pytest.mark.parametrize("command", FENCED, ids=str)
def test_every_command_in_a_block_parses(command: Snippet) -> None:
    parse(command.text)


@pytest.mark.parametrize("command", INLINE, ids=str)
def test_every_command_in_the_prose_parses(command: Snippet) -> None:
    parse(command.text)


def test_every_verb_in_the_prose_exists() -> None:
    assert {command.text.split()[1] for command in ALONE} <= {*VERBS, "--help", "--version"}


@pytest.mark.parametrize("command", [*FENCED, *INLINE], ids=str)
def test_every_override_shown_gives_a_recipe(command: Snippet, tmp_path: Path) -> None:
    overrides = parse(command.text).get("overrides") or []
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(MINIMAL, encoding="utf-8")
    assert isinstance(overrides, list | tuple)
    load_recipe(recipe, overrides)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(AssertionError):
        parse("tunewright sweep recipe.yaml")
    with pytest.raises(TyperException):
        parse("tunewright run recipe.yaml --no-such-option")


def test_the_table_of_verbs_names_each_verb_once() -> None:
    section = README.read_text(encoding="utf-8").partition("## The verbs")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)", section, re.MULTILINE)
    assert sorted(named) == sorted(VERBS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for match in _LINK.finditer(text):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or not file.is_relative_to(ROOT) or (anchor and anchor not in slugs(file)):
            broken.append(match["target"])
    assert broken == []


@pytest.mark.parametrize("block", YAML_BLOCKS, ids=str)
def test_every_recipe_shown_is_a_recipe(block: Snippet, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    written = YAML(typ="safe", pure=True).load(block.text)
    absent = [line for line in MINIMAL.splitlines(keepends=True) if line.partition(":")[0] not in written]
    recipe.write_text("".join(absent) + block.text, encoding="utf-8")
    load_recipe(recipe)


def test_the_readme_shows_a_recipe_of_three_keys_and_a_longer_one() -> None:
    shortest, longer, *_ = (YAML(typ="safe", pure=True).load(block.text) for block in blocks(README, "yaml"))
    assert list(shortest) == list(json_schema()["required"]) == ["model", "data", "task"]
    leaves = [1 for value in longer.values() for _ in (value if isinstance(value, dict) else [value])]
    assert 9 <= len(leaves) <= 11


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=str)
def test_every_python_example_compiles_and_imports_what_exists(block: Snippet) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tunewright"):
            module = importlib.import_module(node.module)
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_init_as_the_readme_calls_it_writes_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = next(command.text for command in fenced_commands(README) if command.text.startswith("tunewright init"))
    monkeypatch.chdir(tmp_path)
    with Path("reviews.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(
            [f"the parcel of week {n} came {label}", label] for n in range(40) for label in ("late", "soon")
        )
    assert exit_code(shlex.split(shown)[1:]) == 0
    assert load_recipe(Path("recipe.yaml")).recipe.data.input == "text"


def test_the_recipe_that_misspells_a_key_is_refused_as_the_readme_says(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(MINIMAL + "train: {epocs: 3}\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="did you mean 'epochs'"):
        load_recipe(recipe)


def test_every_module_that_a_page_names_is_there() -> None:
    named = re.compile(r"`((?:[a-z_]+/)+[a-z_0-9]+\.py)`")
    places = (ROOT / "src" / "tunewright", ROOT)
    found = [(page.name, path) for page in PAGES for path in named.findall(page.read_text(encoding="utf-8"))]
    assert len(found) > 20
    assert [each for each in found if not any((place / each[1]).exists() for place in places)] == []
