"""Shapes of data beside one text and its label: known, named, and what can be done with them."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tunewright.core.rows import Finding
from tunewright.data.faults import counted
from tunewright.data.private.redact import without_secrets
from tunewright.data.shapes import columns_of, turn_keys
from tunewright.data.words import fold_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from tunewright.recipe.recipe import TaskName

Kind = Literal["preference", "spans", "multilabel"]

LOOKED_AT = 5_000
"""Records looked at to tell what a column holds."""
MOST_LABELS = 500
"""Different parts of delimited values, above which they are keywords and not labels."""
LABEL_WORDS = 4
LISTS_OF_LABELS = frozenset(
    {"labels", "tags", "genres", "topics", "categories", "emotions", "classes", "intents", "keywords", "subjects"}
)
"""Names of columns that hold several labels; a comma divides theirs, and in others it may be a part of one label."""
ASKED = ("prompt", "question", "instruction", "query", "input", "context")
CHOSEN, REJECTED = frozenset({"chosen", "preferred", "accepted"}), frozenset({"rejected", "dispreferred"})
TAGS = frozenset({"tags", "nertags", "labels", "bio", "ner", "postags", "chunktags", "entities"})
FLAGS = 3
"""So many columns of 0 and 1 beside a text are labels that may stand together."""

_BIO = re.compile(r"(O|[BIESLU]-\S+)")
_FLAG = frozenset({"0", "1", "0.0", "1.0", "true", "false", "True", "False"})


@dataclass(frozen=True, slots=True)
class Untrained:
    """A shape that a table has, beside what can be trained of it."""

    kind: Kind
    columns: tuple[str, ...]
    words: str
    """What gives it away."""
    remedy: str
    asked: str = ""
    """Of preference pairs: the column of the prompt; empty where there is none."""
    chat: bool = False
    """Of preference pairs: whether the chosen answer is a whole conversation."""
    delimiter: str | None = None
    """Of several labels in one text: what divides them."""

    named: bool = True
    """Of spans and tags: whether these say what they are; numbers do not."""

    @property
    def trained(self) -> bool:
        """Whether it is the shape of a task that is trained after all: its columns need to be taken for it."""
        return self.task is not None

    @property
    def task(self) -> TaskName | None:
        """The task that its columns are trained for."""
        if self.kind == "multilabel" and len(self.columns) == 1:
            return "multilabel"
        return "token_classification" if self.kind == "spans" and self.named else None

    @property
    def finding(self) -> Finding:
        """The shape as a person is told of it."""
        what = WHAT[self.kind]
        message = f"{self.words}: {what}"
        return Finding("untrained_task", "warning", message, len(self.columns), remedy=self.remedy)


WHAT: Mapping[Kind, str] = {
    "preference": "data for preference tuning, a task that this version does not train",
    "spans": "data for token classification, whose tags or spans must say their labels by name",
    "multilabel": "several labels a row, which are learned from one column that holds them all (task multilabel)",
}


def untrained_shape(frame: pl.DataFrame) -> Untrained | None:
    """The shape of the table that is known and not trained, the surest one; none for any other table."""
    some = frame.head(LOOKED_AT)
    looks = (_preference, _spans, _tagged, _lists, _delimited, _flags)
    return next((shape for look in looks if (shape := look(some)) is not None), None)


def _preference(frame: pl.DataFrame) -> Untrained | None:
    names = {fold_name(name): name for name in reversed(columns_of(frame))}
    chosen = next((names[name] for name in names if name in CHOSEN), None)
    rejected = next((names[name] for name in names if name in REJECTED), None)
    if chosen is None or rejected is None:
        return None
    asked = next((names[name] for name in ASKED if name in names), "")
    chat = turn_keys(frame[chosen]) is not None
    words = f"{chosen!r} and {rejected!r} are the better and the worse answer{f' to {asked!r}' if asked else ''}"
    remedy = f"{chosen!r} can be learned as the answer (task generation); {rejected!r} is not used"
    if chat:
        remedy = f"the conversations of {chosen!r} can be learned (task generation); {rejected!r} is not used"
    elif not asked:
        remedy = f"{chosen!r} can be learned as raw text (task language_modelling); {rejected!r} is not used"
    return Untrained("preference", (chosen, rejected), words, remedy, asked, chat=chat)


def _spans(frame: pl.DataFrame) -> Untrained | None:
    for name in columns_of(frame):
        items = [item for value in _values(frame, name) if isinstance(value, list) for item in value]
        if items and sum(map(_is_span, items)) > 0.9 * len(items):
            return Untrained("spans", (name,), f"{name!r} holds {counted(len(items), 'span')} with labels", _UNMARKED)
    return None


def _tagged(frame: pl.DataFrame) -> Untrained | None:
    """Lists of words beside equally long lists of tags."""
    lists = {name: held for name in columns_of(frame) if (held := _lists_of(_values(frame, name)))}
    tags = [name for name, held in lists.items() if fold_name(name) in TAGS or _are_bio(held)]
    for tagged in tags:
        lengths = [len(value) for value in lists[tagged]]
        for words, held in lists.items():
            texts = all(isinstance(item, str) for value in held[:100] for item in value)
            if words != tagged and texts and [len(value) for value in held] == lengths and max(lengths) > 1:
                told = f"{words!r} holds lists of words, {tagged!r} a tag for each"
                return Untrained("spans", (words, tagged), told, _UNNAMED, named=_are_bio(lists[tagged]))
    return None


def _lists(frame: pl.DataFrame) -> Untrained | None:
    """A column of lists of labels: short words that repeat."""
    for name in columns_of(frame):
        lists = [value for value in _values(frame, name) if isinstance(value, list)]
        found = _lists_of(lists)
        if len(found) < max(1, len(lists)) or not _are_labels(found):
            continue
        most = max(map(len, found))
        if most > 1:
            words = f"{name!r} holds lists of up to {most} labels a row"
            return Untrained("multilabel", (name,), words, _first_of(name))
    return None


def _delimited(frame: pl.DataFrame) -> Untrained | None:
    """A column of several labels in one text, such as `billing;refund`."""
    for name in columns_of(frame):
        values = [value for value in _values(frame, name, parsed=False) if isinstance(value, str) and value.strip()]
        marks = ";|," if fold_name(name) in LISTS_OF_LABELS else ";|"
        mark = max(marks, key=lambda mark: sum(mark in value for value in values))
        lists = [[part.strip() for part in value.split(mark)] for value in values]
        if sum(len(parts) > 1 for parts in lists) > 0.1 * len(values) and _are_labels(lists):
            words = f"{name!r} holds several labels a row, divided by {mark!r}, such as {_example(values, mark)!r}"
            remedy = f"write `task: multilabel`, `data.target: {name}` and `data.label_delimiter: {mark}`"
            return Untrained("multilabel", (name,), words, remedy, delimiter=mark)
    return None


def _flags(frame: pl.DataFrame) -> Untrained | None:
    """Columns of 0 and 1, several of which are 1 in one row."""
    names = columns_of(frame)
    held = {name: [str(v) for v in _values(frame, name, parsed=False) if v is not None] for name in names}
    flags = [name for name, values in held.items() if len(set(values)) == 2 and set(values) <= _FLAG]
    flags = [name for name in flags if len(held[name]) == frame.height]
    if len(flags) < FLAGS:
        return None
    rows = zip(*(held[name] for name in flags), strict=True)
    ones = (sum(value in {"1", "1.0", "true", "True"} for value in row) for row in rows)
    if max(ones, default=0) < 2:
        return None
    shown = ", ".join(map(repr, flags[:6]))
    words = f"{len(flags)} columns are 0 or 1 and stand together in one row ({shown})"
    return Untrained("multilabel", tuple(flags), words, FLAGGED)


def _values(frame: pl.DataFrame, name: str, *, parsed: bool = True) -> list[Any]:
    """The values of a column; lists that are written as JSON text are read where asked."""
    values = [value for value in frame[name].to_list() if value is not None]
    return [_list_of(value) for value in values] if parsed else values


def _list_of(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _lists_of(values: Sequence[Any]) -> list[list[Any]]:
    """The lists of words or numbers, where all values are such lists."""
    held = [value for value in values if isinstance(value, list)]
    flat = all(isinstance(item, str | int) for value in held[:1000] for item in value)
    return held if held and len(held) == len(values) and flat else []


def _are_bio(lists: Sequence[list[Any]]) -> bool:
    tags = [item for value in lists[:500] for item in value]
    fitting = [isinstance(tag, str) and _BIO.fullmatch(tag) is not None for tag in tags]
    return bool(tags) and all(fitting) and any(tag != "O" for tag in tags)


def _are_labels(lists: Sequence[list[Any]]) -> bool:
    """Whether the items are short, few, and stand in different combinations."""
    combinations = {tuple(sorted(map(str, parts))) for parts in lists}
    uses = Counter(str(part) for parts in lists for part in parts)
    joined = Counter(part for combination in combinations for part in combination)
    if not uses or len(uses) > MOST_LABELS or len(uses) * 2 > sum(uses.values()):
        return False
    short = all(0 < len(part) <= 60 and len(part.split()) <= LABEL_WORDS for part in uses)
    return short and sum(joined.values()) >= 1.5 * len(joined)


def _is_span(item: Any) -> bool:
    if isinstance(item, dict):
        keys = [fold_name(str(key)) for key in item]
        return any(k.startswith(("start", "begin")) for k in keys) and any(k.startswith(("end", "stop")) for k in keys)
    shape = [type(part) for part in item] if isinstance(item, list) else []
    return shape[:2] == [int, int] and len(shape) == 3 and shape[2] is str


def _example(values: Sequence[str], mark: str) -> str:
    return without_secrets(next(value for value in values if mark in value))[:60]


def _first_of(name: str) -> str:
    return (
        f"write `task: multilabel` to learn them all; `data.target: {name}[0]` takes the first label of each row and "
        "leaves the others out"
    )


FLAGGED = (
    "name one of them in data.target: each is a label by itself; or bring one column that lists those that are 1, for "
    "the task multilabel"
)
_UNNAMED = "write the tags by their names, such as 'B-PERSON', 'I-PERSON' and 'O', for the task token_classification"
_UNMARKED = "its texts can be learned without the marks (task language_modelling), or with a label for each whole text"
