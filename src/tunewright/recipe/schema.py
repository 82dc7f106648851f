"""The recipe's JSON schema and its page in the documentation, both made from the specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.recipe.recipe import Recipe
from tunewright.recipe.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

TAG = "Names this choice among the alternatives."
"""The sentence of a union's tag."""


def json_schema() -> dict[str, Any]:
    """The JSON schema of a recipe (draft 2020-12); editors take it for completion and checks."""
    schema = _described()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    for name, short in (("model", "name"), ("data", "train")):
        whole = schema["properties"][name]
        described = {"description": whole.pop("description", "")}
        text = {"type": "string", "description": f"Short for the mapping with `{short}` alone."}
        schema["properties"][name] = {**described, "anyOf": [text, whole]}
    lenient: dict[str, Any] = _any_of(schema)
    return lenient


def _any_of(node: Any) -> Any:
    """The schema with `anyOf` for `oneOf`: a choice that leaves its `kind` to the default fits several members."""
    if isinstance(node, dict):
        return {"anyOf" if key == "oneOf" else key: _any_of(value) for key, value in node.items()}
    return [_any_of(item) for item in node] if isinstance(node, list) else node


def recipe_page() -> str:
    """`docs/recipe.md`: every field of every spec with its type, default and sentence."""
    schema = _described()
    specs = {"Recipe": schema, **schema["$defs"]}
    intro = (
        "# The recipe\n\nMade from the specs by `tunewright schema --markdown`; a test holds the two together.\n"
        "Only `model`, `data` and `task` are needed; `model: NAME` and `data: PATH` are short for the mappings below.\n"
        "Unknown keys are refused. Any field can be set on the command line:\n"
        "`tunewright run recipe.yaml train.epochs=5`. A choice that does not say its `kind` is of the default one,\n"
        "as in `split.test=0.3`; `train.method` and the conditions of the gate always say it.\n"
    )
    return "\n".join([intro, *(line for name, spec in specs.items() for line in _section(name, spec))]) + "\n"


def _described() -> dict[str, Any]:
    """The specs' schema with a sentence under every field.

    pydantic leaves a field's sentence out where it repeats that of the field's spec, and a union's tag has none.
    """
    schema = Recipe.model_json_schema()
    specs = {spec.__name__: spec for spec in every_spec()}
    for name, part in {"Recipe": schema, **schema["$defs"]}.items():
        for field, info in part["properties"].items():
            info.setdefault("description", specs[name].model_fields[field].description or TAG)
    return schema


def every_spec(base: type[Spec] = Spec) -> list[type[Spec]]:
    """All specs of the recipe, those that refine another behind it."""
    return [spec for child in base.__subclasses__() for spec in (child, *every_spec(child))]


def _section(name: str, spec: dict[str, Any]) -> Iterator[str]:
    yield f"## {name}\n\n{spec.get('description', '')}\n"
    yield "| field | type | default | meaning |\n|---|---|---|---|"
    for field, info in spec["properties"].items():
        default = "**required**" if field in spec.get("required", []) else f"`{_default(info.get('default'))}`"
        yield f"| `{field}` | {_type(info)} | {default} | {info.get('description', '')} |"
    yield ""


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("kind", "its own defaults")) if value else "{}"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(info: dict[str, Any]) -> str:
    if "$ref" in info:
        name = info["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in info:
        return f"`{info['const']}`"
    if "enum" in info:
        return " or ".join(f"`{value}`" for value in info["enum"])
    for union in ("anyOf", "oneOf"):
        if union in info:
            return " or ".join(_type(member) for member in info[union])
    if info.get("type") == "array":
        return f"list of {_type(info.get('items', {}))}"
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = " ".join(f"{sign} {info[key]}" for key, sign in limits.items() if key in info)
    return f"{info.get('type', 'any')} {bounds}".strip()
