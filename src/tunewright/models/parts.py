"""Parts of a model by the names that its architecture gives them, frozen."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import nn
    from transformers import PreTrainedModel

EMBEDDINGS = "embeddings"
"""The word for all that stands below the lowest layer, whatever the architecture calls it."""
RANGE = re.compile(r"(\d{1,4})-(\d{1,4})")
SHOWN = 12


def freeze_parts(
    model: PreTrainedModel,
    patterns: Sequence[str],
    *,
    embeddings: Callable[[PreTrainedModel], Iterable[nn.Parameter]],
) -> None:
    """The weights that the patterns name require no gradient; `embeddings` gives those below the lowest layer.

    Raises RecipeError for a pattern, or a number of its range, that names nothing.
    """
    names = dict(model.named_parameters(remove_duplicate=False))
    for pattern in patterns:
        if pattern == EMBEDDINGS:
            found = list(embeddings(model))
        else:
            found = [p for single in spelled_out(pattern) for p in _named(names, single, pattern)]
        for parameter in found:
            parameter.requires_grad = False


def spelled_out(pattern: str) -> Iterator[str]:
    """The patterns without a range that this one stands for: `layer.0-2` is three. Raises RecipeError for `2-0`."""
    before, dot, rest = pattern.partition(".")
    match = RANGE.fullmatch(before)
    heads = [before]
    if match is not None:
        low, high = int(match[1]), int(match[2])
        if low > high:
            given = f"{pattern!r} ends before it begins"
            raise RecipeError(Problem("train.method.freeze", given, "a range such as 0-3", "correct it"))
        heads = [str(number) for number in range(low, high + 1)]
    for head in heads:
        if dot:
            yield from (f"{head}.{tail}" for tail in spelled_out(rest))
        else:
            yield head


def names_it(pattern: str, name: str) -> bool:
    """Whether the pattern's names, between dots, stand one behind the other in the weight's name."""
    wanted, given = pattern.split("."), name.split(".")
    return any(
        all(fnmatchcase(have, want) for have, want in zip(given[at:], wanted, strict=False))
        for at in range(len(given) - len(wanted) + 1)
    )


def _named(names: dict[str, nn.Parameter], single: str, pattern: str) -> list[nn.Parameter]:
    found = [parameter for name, parameter in names.items() if names_it(single, name)]
    if not found:
        parts = sorted({part for name in names for part in name.split(".") if not part.isdigit()})
        some = ", ".join(parts[:SHOWN]) + (", …" if len(parts) > SHOWN else "")
        guesses = [guess for part in single.split(".") if part not in parts for guess in [did_you_mean(part, parts)]]
        expected = f"names between the dots of a weight's name: {some}{next(iter(guesses), '')}"
        what = f"{single!r} of {pattern!r}" if single != pattern else f"{pattern!r}"
        raise RecipeError(Problem("train.method.freeze", f"{what} names nothing in the model", expected, "correct it"))
    return found
