"""From a recipe file and overrides to a checked recipe, with every fault at its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.recipe.clean import LANGUAGE
from tunewright.recipe.condition import ConditionError
from tunewright.recipe.recipe import Recipe
from tunewright.recipe.source import MAX_DEPTH, Source, read_source, read_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails


NAME = ("letters, digits, '.', '_' and '-', beginning with a letter or digit", "rename it")
PATTERNS = {LANGUAGE: ("a language's code of two letters (ISO 639-1), such as en", "write the language's code")}
"""What a text must be and what to do about it, by the pattern that it does not match; by NAME for all others."""


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A checked recipe, where it came from, and what the command line changed."""

    recipe: Recipe
    path: Path
    overrides: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder that relative paths, `runs/` and `tunewright.lock` refer to."""
        return self.path.resolve().parent

    @property
    def name(self) -> str:
        """The run's name: the recipe's own, else its file's."""
        return self.recipe.name or re.sub(r"[^A-Za-z0-9._-]+", "-", self.path.stem).strip("-.") or "run"


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """The recipe of a file with `dotted.path=value` overrides applied. Raises RecipeError listing every fault."""
    source = read_source(Path(path))
    values = source.values
    for override in overrides:
        _override(values, override)
    return LoadedRecipe(_validated(values, source, tuple(overrides)), Path(path), tuple(overrides))


def _override(values: dict[str, Any], override: str) -> None:
    place, sign, text = override.partition("=")
    named = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", place)
    if not sign or not named or place.count(".") > MAX_DEPTH:
        raise _no_override(override, named=not sign and named is not None)
    try:
        value = read_value(text)
    except RecipeError as fault:
        (problem,) = fault.problems
        given = f"cannot read the value {_short(text)}: {problem.given}"
        remedy = "quote it for the shell, and see that brackets close; tags and anchors are not taken"
        raise RecipeError(Problem(place, given, "a YAML value", remedy)) from fault
    here = values
    *parents, last = place.split(".")
    for name in parents:
        below = here.get(name)
        if isinstance(below, str) and name in {"model", "data"}:
            below = {
                "name" if name == "model" else "train": below
            }  # the short form, written out so that it can be extended
        if below is not None and not isinstance(below, dict):
            given = f"{name!r} holds {_short(below)}, not a mapping"
            raise RecipeError(Problem(place, given, "a path of the recipe", "override it whole"))
        here[name] = below = {} if below is None else below
        here = below
    here[last] = value


def _no_override(override: str, *, named: bool) -> RecipeError:
    """The fault of a word behind the recipe that sets nothing; `named` is whether it is the path of a field."""
    remedy = "write the field's path, an equals sign and its value, without blanks around the sign"
    if named:
        remedy = f"give it a value: `{override}=…`, as in train.epochs=5"
    return RecipeError(Problem("override", _short(override), "dotted.path=value, such as train.epochs=5", remedy))


def _validated(values: dict[str, Any], source: Source, overrides: tuple[str, ...]) -> Recipe:
    try:
        return Recipe.model_validate(values)
    except ValidationError as fault:
        problems = [_problem(error, source, overrides) for error in fault.errors()]
        raise RecipeError(*_nearest(problems)) from fault


def _nearest(problems: list[Problem]) -> list[Problem]:
    """One problem a place: a union's members each complain about the same value."""
    merged: dict[str, Problem] = {}
    for problem in problems:
        known = merged.get(problem.place)
        if known is None:
            merged[problem.place] = problem
        elif known.expected != problem.expected:
            expected = f"{known.expected} or {problem.expected}"
            merged[problem.place] = Problem(
                known.place, known.given, expected, known.remedy or problem.remedy, known.source
            )
    return list(merged.values())


def _problem(error: ErrorDetails, source: Source, overrides: tuple[str, ...]) -> Problem:
    path, owner = _recipe_path(error["loc"])
    if error["type"] == "extra_forbidden" and path[-1:] != error["loc"][-1:]:
        path = (*path, error["loc"][-1])  # a key nobody knows may look like pydantic's name for a type: `mod[el`
    place = ".".join(map(str, path)) or "recipe"
    written = next((o for o in reversed(overrides) if f"{place}.".startswith(o.partition("=")[0] + ".")), None)
    if written is None and path not in source.lines:  # a mapping may stand there by an override of a part of it
        written = next((o for o in overrides if o.startswith(f"{place}.")), None)
    kind, context = error["type"], error.get("ctx", {})
    where = f"override {written!r}" if written else source.where(path)
    if kind == "value_error":
        where = _set_by(path, str(context.get("error", "")), overrides) or where
    given = _short(error["input"])
    if kind == "extra_forbidden":
        known = sorted(owner.model_fields) if owner else []
        hint = did_you_mean(str(path[-1]), known)
        return Problem(
            place, f"unknown key {str(path[-1])!r}{hint}", f"one of: {', '.join(known)}", "correct or remove it", where
        )
    if kind == "missing":
        return Problem(place, "is missing", _expected(owner, path), f"add the key {str(path[-1])!r}", where)
    if kind in {"literal_error", "union_tag_invalid"}:
        choices = str(context.get("expected") or context.get("expected_tags")).replace("'", "").replace(" or ", ", ")
        value = str(context.get("tag", error["input"]))
        place = f"{place}.kind" if kind == "union_tag_invalid" else place
        return Problem(
            place,
            f"unknown value {value!r}{did_you_mean(value, choices.split(', '))}",
            f"one of: {choices}",
            "choose one of these",
            where,
        )
    if kind == "union_tag_not_found":
        kinds = _kinds(owner, path)
        expected = f"a mapping with the key 'kind', one of: {', '.join(kinds)}"
        meant = next((k for k, keys in kinds.items() if keys >= set(error["input"])), next(iter(kinds)))
        listed = any(isinstance(part, int) for part in path)  # an override cannot reach into a list
        by_override = "" if listed else f", or on the command line {place}.kind={meant}"
        remedy = f"say which: `kind: {meant}`{by_override}"
        return Problem(place, f"given {given}", expected, remedy, where)
    if kind == "string_pattern_mismatch":
        return Problem(place, f"given {given}", *PATTERNS.get(str(context["pattern"]), NAME), where)
    if kind in {"too_short", "string_too_short"}:
        expected = f"at least {context['min_length']} {'item' if kind == 'too_short' else 'character'}(s)"
        return Problem(place, f"given {given}", expected, "give it that many, or leave the key out", where)
    if kind == "value_error":
        return Problem(place, str(context.get("error", error["msg"])), "", _way_out(error, owner, path), where)
    return _wrong_value(error, owner, path, where)


def _way_out(error: ErrorDetails, owner: type[BaseModel] | None, path: tuple[str | int, ...]) -> str:
    """What to do about a rule that was broken: by one field's value, or by several fields together."""
    if isinstance(error.get("ctx", {}).get("error"), ConditionError):
        return 'correct the condition at that place; one is written as `region == "Cork" and stars >= 3`'
    info = owner.model_fields.get(str(path[-1])) if owner and path else None
    members = _member_types(info.annotation) if info else []
    alone = bool(members) and not any(isinstance(m, type) and issubclass(m, BaseModel) for m in members)
    return "correct its value" if alone else "change one of the fields named"


def _wrong_value(
    error: ErrorDetails, owner: type[BaseModel] | None, path: tuple[str | int, ...], where: str
) -> Problem:
    """The problem of a value of another type or out of its range."""
    message = (
        error["msg"]
        .replace("Input should be ", "")
        .replace("a valid dictionary or instance of", "a mapping as for")
        .replace("a valid dictionary or object to extract fields from", "a mapping")
    )
    quoted = isinstance(error["input"], str) and error["type"] in {"int_type", "float_type", "bool_type"}
    default = _default(owner, path)
    remedy = f"write such a value{f', or leave the key out for the default, {default}' if default else ''}"
    if quoted and _is_number(error["input"]):
        remedy = "write it without quotation marks"
    place = ".".join(map(str, path)) or "recipe"
    return Problem(place, f"given {_short(error['input'])}", message, remedy, where)


def _set_by(path: tuple[str | int, ...], message: str, overrides: Sequence[str]) -> str | None:
    """The overrides that set a field which the message of a rule across several fields names, as a place."""
    above = [str(part) for part in path]
    found = []
    for override in overrides:
        parts = override.partition("=")[0].split(".")
        inside = parts[: len(above)] == above
        if inside and (parts == above or re.search(rf"\b{re.escape(parts[-1])}\b", message)):
            found.append(f"override {override!r}")
    return " and ".join(found) or None


def _default(owner: type[BaseModel] | None, path: tuple[str | int, ...]) -> str | None:
    """What a field is where the recipe does not name it, if that is one word or number."""
    info = owner.model_fields.get(str(path[-1])) if owner and path else None
    plain = info is not None and isinstance(info.default, str | int | float)
    return str(info.default) if info is not None and plain else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _kinds(owner: type[BaseModel] | None, path: tuple[str | int, ...]) -> dict[str, set[str]]:
    """The kinds that a field, or an item of its list, may be, with their keys; an ellipsis where that is not known."""
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    info = owner.model_fields.get(name) if owner else None
    members = _member_types(info.annotation) if info else []
    specs = [m for m in members if isinstance(m, type) and issubclass(m, BaseModel)]
    return {spec.model_fields["kind"].default: set(spec.model_fields) for spec in specs} or {"…": set()}


def _expected(owner: type[BaseModel] | None, path: tuple[str | int, ...]) -> str:
    info = owner.model_fields.get(str(path[-1])) if owner else None
    return f"a value: {info.description}" if info and info.description else "a value"


def _recipe_path(loc: tuple[int | str, ...]) -> tuple[tuple[str | int, ...], type[BaseModel] | None]:
    """A pydantic location without the union tags it mixes in, and the spec that owns its last key."""
    path: list[str | int] = []
    types: list[Any] = [Recipe]
    owner: type[BaseModel] | None = Recipe
    for part in loc:
        models = [t for t in types if isinstance(t, type) and issubclass(t, BaseModel)]
        holder = next((m for m in models if part in m.model_fields), None)
        tagged = [m for m in models if "kind" in m.model_fields and m.model_fields["kind"].default == part]
        if holder is None and tagged:
            types = list(tagged)
            owner = tagged[0]
        elif holder is not None:
            path.append(part)
            owner = holder
            types = _member_types(holder.model_fields[str(part)].annotation)
        elif isinstance(part, int) or (models and not _is_type_tag(part)):
            path.append(part)
            owner = models[0] if models and isinstance(part, str) else owner
        elif not models and not _is_type_tag(part) and path[-1:] != [part]:
            path.append(part)
    return tuple(path), owner


def _is_type_tag(part: int | str) -> bool:
    """Whether a location's part is pydantic's name for a member of a union, such as `literal['auto']` or `int`."""
    text = str(part)
    return "[" in text or text in {
        "int",
        "float",
        "str",
        "bool",
        "list",
        "dict",
        "constrained-int",
        "constrained-float",
        "constrained-str",
    }


def _member_types(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin in {Union, UnionType, list} or (origin is not None and hasattr(annotation, "__metadata__")):
        return [member for argument in get_args(annotation) for member in _member_types(argument)]
    return [annotation]
