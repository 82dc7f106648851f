"""`tunewright schema`: the recipe's JSON schema."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tunewright.cli.output import put


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("schema")(schema)


def schema(
    *, markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/recipe.md instead.")] = False
) -> None:
    """Print the recipe's JSON schema, for editors; with --markdown, every field as a page."""
    from tunewright.recipe.schema import json_schema, recipe_page

    put(recipe_page().rstrip("\n") if markdown else json.dumps(json_schema(), indent=2, ensure_ascii=False))
