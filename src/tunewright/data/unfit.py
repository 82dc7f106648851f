"""A value that cannot be what its column holds, told in words."""

from __future__ import annotations

from typing import Any

from tunewright.data.private.redact import without_secrets

SHOWN_CHARACTERS = 60


class Unfit(ValueError):  # no error of the room: rows turn it into a fault with the record's place
    """What is wrong with the value, and what to do about it."""


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    if value is None:
        return "nothing"
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
        str: "a text",
    }
    return kinds.get(type(value), f"a {type(value).__name__}")


def shown(value: Any) -> str:
    """The value without secrets, cut to be read in a line."""
    text = without_secrets(repr(value))
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
