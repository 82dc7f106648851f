"""A recipe file's text as plain data, with the line of every key. YAML 1.2, no tags, no aliases' bombs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tunewright.core.errors import Problem, RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA_ENDINGS = frozenset(
    (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".arrow", ".xls", ".xlsx", ".gz", ".zip")
)
"""Endings that no recipe bears; `.json` is not among them, for JSON is YAML too."""
RECIPE_KEYS = frozenset(("model", "data", "task"))
MAX_BYTES = 1_000_000
MAX_DEPTH = 20
PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null"))

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A recipe as it was written."""

    path: Path
    text: str
    values: dict[str, Any]
    lines: Mapping[KeyPath, int]
    """Line (from 1) of each key, by its path."""

    def where(self, path: KeyPath) -> str:
        """`file, line N` of the key, or of the nearest key above it that was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return f"{self.path}, line {self.lines[path[:length]]}"
        return str(self.path)


def read_source(path: Path) -> Source:
    """The file's values and lines. Raises RecipeError for anything that is not a plain YAML mapping."""
    _refuse_data(path)
    text = _read_text(path)
    node = _compose(path, text)
    lines: dict[KeyPath, int] = {}
    values = _plain(path, node, (), lines)
    if path.suffix.lower() == ".json" and not (isinstance(values, dict) and RECIPE_KEYS & set(values)):
        raise _data_given(path)
    if not isinstance(values, dict):
        given = "is empty" if values is None else f"holds a {type(values).__name__}, not a mapping"
        raise RecipeError(
            Problem(
                "recipe", given, "keys such as model, data, task", "start one with `tunewright init DATA`", str(path)
            )
        )
    return Source(path, text, values, lines)


def _refuse_data(path: Path) -> None:
    """Raises RecipeError for a data file where a recipe belongs, by its ending."""
    if path.suffix.lower() in DATA_ENDINGS and path.is_file():
        raise _data_given(path)


def _data_given(path: Path) -> RecipeError:
    expected = "a recipe: a YAML file that names the data"
    remedy = f"write one for this data with `tunewright init {shlex.quote(str(path))}`"
    return RecipeError(Problem(str(path), "is a data file, not a recipe", expected, remedy))


def _recipe_of_folder(folder: Path) -> str:
    """What to do where a folder was named: a run directory holds a recipe, a data folder needs one."""
    recipe = folder / "recipe.yaml"
    if recipe.is_file():
        return f"name the recipe in it: {recipe}"
    if folder.is_dir() and any(entry.suffix.lower() in {*DATA_ENDINGS, ".json"} for entry in folder.iterdir()):
        return f"it holds data: write a recipe for it with `tunewright init {shlex.quote(str(folder))}`"
    return "name the recipe file itself"


def read_value(text: str) -> Any:
    """One value as an override writes it, under the rules of a recipe. Raises RecipeError with one problem."""
    path = Path("override")
    return _plain(path, _compose(path, text), (), {})


def _read_text(path: Path) -> str:
    expected = "a recipe: a YAML file such as `tunewright init DATA` writes"
    if not path.exists():
        raise RecipeError(
            Problem(str(path), "no such file", expected, "check the path, or write one with `tunewright init DATA`")
        )
    if not path.is_file():
        raise RecipeError(Problem(str(path), "is not a file", expected, _recipe_of_folder(path)))
    if path.stat().st_size > MAX_BYTES:
        raise RecipeError(
            Problem(
                str(path),
                f"has {path.stat().st_size:,} bytes",
                f"at most {MAX_BYTES:,}",
                "name the recipe, not the data",
            )
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise RecipeError(
            Problem(str(path), f"is not UTF-8 text: byte {fault.start}", expected, "save it as UTF-8")
        ) from fault


def _compose(path: Path, text: str) -> Node | None:
    loader = YAML(typ="safe", pure=True)
    depth = 0
    try:
        for event in loader.parse(text):
            line = event.start_mark.line + 1
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth - 1 > MAX_DEPTH:  # told before the whole is composed, which would take minutes
                raise _too_deep(path, line)
            if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
                raise _refused(
                    path,
                    line,
                    f"YAML anchor or alias {event.anchor!r}",
                    "plain values",
                    "write the value out where it is used",
                )
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = mark.line + 1 if mark else 1
        raise _refused(
            path, line, f"not valid YAML: {fault.problem}", "`key: value` lines", "check quotes, colons and indentation"
        ) from fault
    except (YAMLError, ValueError, RecursionError) as fault:
        problem = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise _refused(
            path, 1, f"not valid YAML: {problem}", "`key: value` lines", "check quotes, colons and indentation"
        ) from fault
    return node


def _refused(path: Path, line: int, given: str, expected: str, remedy: str) -> RecipeError:
    return RecipeError(Problem("recipe", given, expected, remedy, f"{path}, line {line}"))


def _too_deep(path: Path, line: int) -> RecipeError:
    return _refused(path, line, f"nested more than {MAX_DEPTH} levels deep", "a flat recipe", "remove the nesting")


def _plain(path: Path, node: Node | None, at: KeyPath, lines: dict[KeyPath, int]) -> Any:
    if node is None:
        return None
    line = node.start_mark.line + 1
    tag = str(getattr(node.ctag, "uri", "") or getattr(node.ctag, "handle", "") or node.tag)
    if str(node.tag) not in PLAIN_TAGS:
        raise _refused(path, line, f"YAML tag {tag or node.tag!s}", "plain values without tags", "remove the tag")
    if len(at) > MAX_DEPTH:
        raise _too_deep(path, line)
    if isinstance(node, MappingNode):
        return _mapping(path, node, at, lines)
    if isinstance(node, SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            lines[(*at, index)] = item.start_mark.line + 1
            items.append(_plain(path, item, (*at, index), lines))
        return items
    assert isinstance(node, ScalarNode)
    return _scalar(path, node)


def _mapping(path: Path, node: MappingNode, at: KeyPath, lines: dict[KeyPath, int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode) or not isinstance(key, str):
            raise _refused(path, line, "a key that is not a word", "`key: value`", "write a plain key")
        if key in values:
            raise _refused(path, line, f"key {key!r} stands twice", "each key once", "keep one of the two")
        lines[(*at, key)] = line
        values[key] = _plain(path, value_node, (*at, key), lines)
    return values


def _scalar(path: Path, node: ScalarNode) -> Any:
    loader = YAML(typ="safe", pure=True)
    try:
        return loader.constructor.construct_object(node, deep=True)
    except (YAMLError, ValueError, OverflowError) as fault:
        line = node.start_mark.line + 1
        raise _refused(
            path,
            line,
            f"value {node.value[:60]!r} cannot be read",
            "a number, a word or true/false",
            "quote it to make it text",
        ) from fault
