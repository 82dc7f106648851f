"""The recipe as a run keeps it: every default and override written out."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from tunewright.recipe.load import LoadedRecipe


def recipe_text(loaded: LoadedRecipe) -> str:
    """The effective recipe as YAML; loading it beside the original gives an equal recipe."""
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(loaded.recipe.model_dump(mode="json"), stream)
    # as JSON strings: a line break in one of them would end the comment and become part of the recipe
    changed = f"; overrides: {' '.join(map(json.dumps, loaded.overrides))}" if loaded.overrides else ""
    return f"# {json.dumps(loaded.path.name)} with every default written out{changed}\n{stream.getvalue()}"
