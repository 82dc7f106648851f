"""Which known shape a table's records have, by the names of its columns and what these hold."""

from __future__ import annotations

import json
from collections.abc import Mapping  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import did_you_mean
from tunewright.data.faults import counted
from tunewright.data.frame import LINE
from tunewright.data.paths import last_key
from tunewright.data.words import column_names, fold_name, pair_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from tunewright.data.words import PairShape

SAMPLE = 50
"""Records looked at to tell what a column holds."""
SHARE_GPT_KEYS = ("from", "value")
MESSAGE_KEYS = ("role", "content")
ROLE_KEYS = (MESSAGE_KEYS[0], SHARE_GPT_KEYS[0])


@dataclass(frozen=True, slots=True)
class Shape:
    """What the columns of a table are, where they are of a known shape."""

    name: str
    """Such as `ShareGPT` or `prompt/completion`."""
    columns: Mapping[str, tuple[str, ...]]
    """Field of the recipe's `data` to the columns it names."""
    words: str
    """What gives it away, in words."""
    sure: bool = True
    """Whether its names say instruction and answer, whatever else the table holds."""


def names() -> tuple[str, ...]:
    """The shapes that are known by their names."""
    return ("messages", "ShareGPT", *(shape.name for shape in pair_shapes()))


def conversations(frame: pl.DataFrame) -> Shape | None:
    """The column of conversations, or None: a known name first, then any that holds lists of turns."""
    present = columns_of(frame)
    known = [name for name in present if fold_name(name) in flat("messages")]
    for name in (*known, *(name for name in present if name not in known)):
        keys = turn_keys(frame[name])
        if keys is not None:
            kind = "ShareGPT" if keys == SHARE_GPT_KEYS else "messages"
            return Shape(kind, {"messages": (name,)} | beside(present), f"{name!r} holds {'/'.join(keys)}")
    return None


def pairs(present: Sequence[str]) -> list[Shape]:
    """The shapes of question and answer whose columns are there, the most telling first."""
    found = [_pair(shape, present) for shape in pair_shapes()]
    return [shape for shape in found if shape is not None]


def nearest(frame: pl.DataFrame) -> str:
    """The known shape that the table looks like, in words; empty where it looks like none."""
    chat = conversations(frame)
    if chat is not None:
        return f"it looks like {chat.name}: {chat.words}; that is the task generation"
    misspelt = _misspelt(frame)
    if misspelt:
        return misspelt
    found = pairs(columns_of(frame))
    if found:
        return f"it looks like {found[0].name}: {found[0].words}; that is the task generation"
    present = columns_of(frame)
    if len(present) == 1:
        return f"it looks like raw text: {present[0]!r} is its only column; that is the task language_modelling"
    labels = [name for name in present if fold_name(name) in flat("label")[:2]]
    return f"it looks like labelled texts: {labels[0]!r} is a label by its name" if labels else ""


def turn_keys(series: pl.Series) -> tuple[str, str] | None:
    """The keys of the turns that a column holds, `role/content` or `from/value`; None where it holds no turns."""
    held = [turns for value in series.head(SAMPLE).to_list() if (turns := turns_of(value)) is not None]
    turns = [turn for conversation in held for turn in conversation if isinstance(turn, dict)]
    for keys in (MESSAGE_KEYS, SHARE_GPT_KEYS):
        if turns and sum(keys[0] in turn for turn in turns) > len(turns) / 2:
            return keys
    return None


def meant_key(turn: Mapping[str, Any], wanted: Sequence[str]) -> str:
    """Which key of a turn may stand for one that is wanted, such as ` (it has 'rol': did you mean 'role'?)`."""
    for key in turn:
        hint = did_you_mean(str(key), wanted)
        if hint:
            return f" (it has {key!r}:{hint.replace('(', '').replace(')', '')})"
    return ""


def _misspelt(frame: pl.DataFrame) -> str:
    """What a column of conversations whose turns have a slip of the pen in their keys looks like, in words."""
    for name in columns_of(frame):
        for value in frame[name].head(SAMPLE).to_list():
            turns = turns_of(value) or []
            hint = meant_key(turns[0], ROLE_KEYS) if turns and isinstance(turns[0], dict) else ""
            if hint:
                return f"{name!r} looks like conversations, and their turns have no role{hint}"
    return ""


def turns_of(value: Any) -> list[Any] | None:
    """A list of turns, also where it was written as JSON text; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def beside(present: Sequence[str], taken: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """The columns of system texts and tools."""
    free = [name for name in present if name not in taken]
    return {
        field: (found[0],)
        for field in ("system", "tools")
        if (found := [name for name in free if fold_name(name) in flat(field)])
    }


def columns_of(frame: pl.DataFrame) -> list[str]:
    """The table's own columns."""
    return [name for name in frame.columns if name != LINE]


def flat(role: str) -> tuple[str, ...]:
    """Folded column names that say the role, of all ranks."""
    return tuple(name for rank in column_names(role) for name in rank)


def _pair(shape: PairShape, present: Sequence[str]) -> Shape | None:
    names = {fold_name(last_key(name)): name for name in reversed(present)}
    asked = next((names[name] for name in shape.ask if name in names), None)
    answer = next((names[name] for name in shape.answer if name in names and names[name] != asked), None)
    if asked is None or answer is None:
        return None
    more = [names[name] for name in shape.more if name in names and names[name] not in (asked, answer)]
    inputs = (asked, *more)
    words = f"{counted(len(inputs) + 1, 'column')} named {', '.join(map(repr, (*inputs, answer)))}"
    found = {"input": inputs, "target": (answer,)} | beside(present, (*inputs, answer))
    return Shape(shape.name, found, words, shape.sure)
