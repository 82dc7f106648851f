"""How answers are decoded, as the command line says it."""

from __future__ import annotations

import math

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.generated import Decoding

MAX_NEW_TOKENS = 256


def chosen_decoding(
    *,
    max_new_tokens: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> Decoding | None:
    """The decoding, greedy and of at most 256 tokens where it is not said otherwise; None where nothing is said.

    Raises RecipeError for numbers that choose no token.
    """
    given = {"temperature": temperature, "top_p": top_p, "seed": seed}
    said = {name: value for name, value in given.items() if value is not None}
    if max_new_tokens is None and not said:
        return None
    wrong = [name for name, value in said.items() if not math.isfinite(value)]
    if wrong:
        places = {name: f"--{name.replace('_', '-')}" for name in wrong}
        raise RecipeError(*(Problem(places[n], f"given {said[n]}", "a finite number", "correct it") for n in wrong))
    return Decoding(max_new_tokens or MAX_NEW_TOKENS, **said)  # type: ignore[arg-type]  # each field has its own type
