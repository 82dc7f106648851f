"""Public facts about numbers and tokens, read from `facts.json`, which names their sources."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def facts() -> dict[str, Any]:
    """`iban_lengths`, `cards` and `tokens`, as the file holds them."""
    text = files("tunewright.data.private").joinpath("facts.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
