"""Which task and which columns, by their names and by what they hold, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tunewright.data import shapes
from tunewright.data.label_columns import label_columns, named_label, plain_label
from tunewright.data.number_columns import number_columns, plain_number
from tunewright.data.proposals import Proposal, Proposals
from tunewright.data.side_columns import group_of, id_of, time_of
from tunewright.data.untrained import untrained_shape
from tunewright.data.words import pair_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from tunewright.data.describe import SniffedColumn
    from tunewright.data.proposals import Family
    from tunewright.data.shapes import Shape
    from tunewright.data.untrained import Untrained
    from tunewright.recipe.recipe import TaskName

LONG_TEXT_WORDS = 500
"""Texts of so many words are chapters and articles: beside them, what repeats is a title or an author more often than a
label, unless its name says so."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A file's columns, with what was found in them so far."""

    columns: Sequence[SniffedColumn]
    chat: Shape | None
    pairs: Sequence[Shape]
    text: SniffedColumn | None
    labels: Sequence[SniffedColumn]
    """The most likely first."""
    pair_task: TaskName
    """`text_to_text` for a base that is made for it, else `generation`."""

    @property
    def label(self) -> SniffedColumn | None:
        return self.labels[0] if self.labels else None


def propose(
    columns: Sequence[SniffedColumn],
    frame: pl.DataFrame,
    *,
    raw: bool = False,
    family: Family | None = None,
    task: TaskName | None = None,
) -> Proposals:
    """The proposals for a file with these columns; `raw` says that it is one text without columns of its own.

    Where `task` names the task, the columns are proposed for that one, if they can be.
    """
    look = _look(columns, frame, family)
    if task in {"generation", "text_to_text"}:
        look = replace(look, pair_task=task)
    shape = None if raw else untrained_shape(frame)
    read = _raw(look) if raw else _of_shape(look) if task is None else _of_task(look, task)
    found = _several(read, look, shape, task) or _trainable(read, look, shape)
    if task is not None and found.task != task:
        found = Proposals(task_reason=f"no columns for the task {task}: {found.task_reason}", findings=found.findings)
    taken = {c for p in (found.input, found.target, found.messages, found.system, found.tools) if p for c in p.columns}
    rest = [column for column in columns if column.name not in taken]
    sides = {"group": group_of(rest), "time": time_of(rest), "id": id_of(rest)}
    named = {field: Proposal(*side) for field, side in sides.items() if side is not None}
    return replace(found, **named)  # type: ignore[arg-type]  # fields of proposals alone


def _look(columns: Sequence[SniffedColumn], frame: pl.DataFrame, family: Family | None) -> _Look:
    text = _best_text(columns)
    filled = [column.name for column in columns if column.kind not in {"empty", "constant", "date", "nested"}]
    others = [column for column in columns if text is None or column.name != text.name]
    task: TaskName = "text_to_text" if family == "seq2seq" else "generation"
    return _Look(columns, shapes.conversations(frame), shapes.pairs(filled), text, label_columns(others), task)


def _of_shape(look: _Look) -> Proposals:
    """The first reading that fits, from the surest to the least sure; other readings are told beside it."""
    if look.chat is not None:
        return _chat(look.chat)
    label, pair = look.label, next(iter(look.pairs), None)
    if look.text is not None and label is not None and plain_label(label):
        return _labelled(look, label)
    if pair is not None and pair.sure:
        return _paired(look, pair)
    if look.text is not None and label is not None and named_label(label):
        return _labelled(look, label)
    if pair is not None and pair.columns["target"][0] not in {column.name for column in look.labels}:
        return _paired(look, pair)
    number = plain_number(look.columns)
    if look.text is not None and number is not None:
        return _numbered(look, number)
    if look.text is not None and label is not None and look.text.mean_words < LONG_TEXT_WORDS:
        return _labelled(look, label)
    return _texts(look)


def _trainable(found: Proposals, look: _Look, shape: Untrained | None) -> Proposals:
    """The proposals without what would misread a shape that no task trains, and with a word about it."""
    if shape is None:
        return found
    if shape.kind == "preference":
        found = _preferred(look, shape)
    elif shape.kind == "spans" and not _plainly_labelled(found, look, shape):
        found = Proposals(task_reason=shape.finding.message)
    elif _takes(found, shape) and len(shape.columns) == 1:
        found = Proposals(input=found.input, task_reason=shape.finding.message)
    return replace(found, findings=(shape.finding,))


def _several(read: Proposals, look: _Look, shape: Untrained | None, task: TaskName | None) -> Proposals | None:
    """The proposals where rows bear several labels in one column, or spans; None for any other table, or task."""
    if shape is None or not shape.trained or task not in {None, shape.task}:
        return None
    if shape.task == "token_classification":
        return _marked(look, shape, read) if task or not _plainly_labelled(read, look, shape) else _told_of(read, shape)
    if look.text is None:
        return None
    return _of_several(look, shape) if task or _takes(read, shape) else _told_of(read, shape)


def _marked(look: _Look, shape: Untrained, read: Proposals) -> Proposals:
    """Words with tags, or a text with spans."""
    *words, marks = shape.columns
    if not words and look.text is None:
        return read
    if words:
        told = Proposal(words[0], "lists of words, which are joined by blanks")
    else:
        assert look.text is not None
        told = Proposal(look.text.name, _text_reason(look.text))
    return Proposals(
        input=told,
        target=Proposal(marks, shape.words),
        task="token_classification",
        task_reason=f"{shape.words}{'' if words else f', in the texts of {told.column!r}'}",
    )


def _of_several(look: _Look, shape: Untrained) -> Proposals:
    """A text and the labels of each row."""
    assert look.text is not None
    (column,) = shape.columns
    return Proposals(
        input=Proposal(look.text.name, _text_reason(look.text)),
        target=Proposal(column, shape.words),
        task="multilabel",
        label_delimiter=shape.delimiter,
        task_reason=f"{shape.words}, {look.text.name!r} the texts",
    )


def _told_of(found: Proposals, shape: Untrained) -> Proposals:
    return replace(found, alternatives=(*found.alternatives, f"{shape.words}: task {shape.task}"))


def _plainly_labelled(found: Proposals, look: _Look, shape: Untrained) -> bool:
    label = look.label is not None and found.target is not None and found.target.column == look.label.name
    return label and not _takes(found, shape) and look.label is not None and named_label(look.label)


def _takes(found: Proposals, shape: Untrained) -> bool:
    """Whether the proposals would train on a column of the shape, or train on nothing that they know."""
    target = found.target.column if found.target is not None else None
    return target is None or target in shape.columns or target.partition("[")[0] in shape.columns


def _preferred(look: _Look, shape: Untrained) -> Proposals:
    """The better answers, which can be learned as any other."""
    chosen = Proposal(shape.columns[0], "the better answer of each pair, by its name")
    if shape.chat:
        reason = f"{chosen.column!r} holds conversations; each turn of the assistant's is learned"
        return Proposals(messages=chosen, task="generation", task_reason=reason)
    if not shape.asked:
        reason = f"no column beside {chosen.column!r} says what is asked"
        return Proposals(input=chosen, task="language_modelling", task_reason=reason)
    asked = Proposal(shape.asked, f"its name says so, beside {chosen.column!r}")
    reason = f"{chosen.column!r} is learned as the answer to {shape.asked!r}"
    return Proposals(input=asked, target=chosen, task=look.pair_task, task_reason=reason)


def _of_task(look: _Look, task: TaskName) -> Proposals:
    """The reading that serves a task which was named."""
    if task == "classification":
        return _labelled(look, look.label) if look.text is not None and look.label is not None else _of_shape(look)
    if task == "regression":
        numbers = number_columns(look.columns)
        return _numbered(look, numbers[0]) if look.text is not None and numbers else _of_shape(look)
    if task == "language_modelling":
        if look.text is None or look.chat is not None:
            return _of_shape(look)
        reason = f"{look.text.name!r} holds texts, which are learned as they are"
        return Proposals(Proposal(look.text.name, _text_reason(look.text)), task=task, task_reason=reason)
    if look.chat is not None:
        return _chat(look.chat)
    return _paired(look, look.pairs[0]) if look.pairs else _texts(look)


def _chat(shape: Shape) -> Proposals:
    (column,) = shape.columns["messages"]
    return Proposals(
        messages=Proposal(column, f"lists of turns ({shape.name}): {shape.words}"),
        system=_beside(shape, "system"),
        tools=_beside(shape, "tools"),
        task="generation",
        task_reason=f"{column!r} holds conversations; each turn of the assistant's is learned",
    )


def _beside(shape: Shape, field: str) -> Proposal | None:
    return Proposal(shape.columns[field][0], "its name says so") if field in shape.columns else None


def _labelled(look: _Look, label: SniffedColumn) -> Proposals:
    text = look.text
    assert text is not None
    together = _asked_together(look, label)
    asked = Proposal(text.name, _text_reason(text))
    if together:
        asked = Proposal(together[0], "their names say that they are asked together", together[1:])
    names = " and ".join(map(repr, asked.columns))
    reason = f"{names} hold{'' if together else 's'} texts, {label.name!r} one of {label.distinct:,} labels for each"
    return Proposals(
        input=asked,
        target=Proposal(label.name, _label_reason(label)),
        task="classification",
        task_reason=reason,
        alternatives=tuple(_beside_label(look, label, asked)),
    )


def _numbered(look: _Look, number: SniffedColumn) -> Proposals:
    text = look.text
    assert text is not None
    named = ", and its name says so" if number.folded in shapes.flat("number") else ""
    shown = ", ".join(number.examples)
    reason = f"numbers, {number.distinct:,} different ones, such as {shown}{named}"
    others = [c for c in number_columns(look.columns) if c.name != number.name]
    return Proposals(
        input=Proposal(text.name, _text_reason(text)),
        target=Proposal(number.name, reason),
        task="regression",
        task_reason=f"{text.name!r} holds texts, {number.name!r} a number for each",
        alternatives=tuple(f"{c.name!r} could also be the number" for c in others[:3]),
    )


def _beside_label(look: _Look, label: SniffedColumn, asked: Proposal) -> list[str]:
    """Other readings of a file of labels."""
    found = [f"{c.name!r} could also be the label ({c.distinct:,} different values)" for c in look.labels[1:4]]
    rest = [c for c in look.columns if c.name not in {label.name, *asked.columns} and c.kind == "text"]
    unused = [c for c in rest if c.folded in shapes.flat("input") and c.missing_share < 0.5]
    found += [f"{c.name!r} holds free text too, which is not used" for c in unused]
    if label in number_columns(look.columns):
        found.append(f"{label.name!r} could be learned as a number: task regression")
    answers = [c for c in rest if c.folded in (*shapes.flat("text"), *shapes.flat("answer"))]
    return found + [f"{c.name!r} holds texts that a model could learn to write: task {look.pair_task}" for c in answers]


def _asked_together(look: _Look, label: SniffedColumn) -> tuple[str, ...]:
    """Texts that belong to one question by their names, such as a question and its context; none of a single one."""
    names = {c.folded: c.name for c in look.columns if c.kind == "text" and c.name != label.name}
    for shape in pair_shapes():
        asked = [names[name] for name in shape.ask if name in names]
        more = [names[name] for name in shape.more if name in names]
        if asked and more:
            return (asked[0], *more)
    return ()


def _paired(look: _Look, pair: Shape) -> Proposals:
    asked, (answer,) = pair.columns["input"], pair.columns["target"]
    chats = look.pair_task == "generation"
    reason = f"their names say {pair.name}" if len(asked) > 1 else f"its name says so, beside {answer!r}"
    labels = [f"{c.name!r} could be a label: task classification" for c in look.labels[:2] if c.name != answer]
    other = "text_to_text (with a T5, BART or Marian base)" if chats else "generation"
    return Proposals(
        input=Proposal(asked[0], reason, asked[1:]),
        target=Proposal(answer, f"texts that answer {' and '.join(map(repr, asked))}, by their names"),
        task=look.pair_task,
        task_reason=f"pairs of texts, {pair.name}: {pair.words}",
        alternatives=(*labels, f"pairs of texts can be learned as the task {other} too"),
        system=_beside(pair, "system") if chats else None,
        tools=_beside(pair, "tools") if chats else None,
    )


def _texts(look: _Look) -> Proposals:
    """A file without labels and without telling names: pairs of texts, or raw text."""
    if look.text is None:
        return Proposals(task_reason="no column holds free text")
    texts = [c for c in look.columns if c.kind == "text" and c.missing_share < 0.5]
    if len(texts) > 1:
        return _two_texts(look, texts)
    reason = f"{look.text.name!r} holds texts, and no column beside it is one of labels or answers by its name"
    labels = tuple(f"{c.name!r} could be a label: task classification" for c in look.labels[:2])
    bare = look.text.folded in shapes.flat("document") and all(column.kind != "nested" for column in look.columns)
    if not bare and len(look.columns) > 1:
        return Proposals(
            input=Proposal(look.text.name, _text_reason(look.text)),
            task_reason=f"no column beside {look.text.name!r} holds labels or answers",
            alternatives=("raw text can be learned as it is: task language_modelling",),
        )
    asked = Proposal(look.text.name, _text_reason(look.text))
    return Proposals(asked, task="language_modelling", task_reason=reason, alternatives=labels)


def _two_texts(look: _Look, texts: Sequence[SniffedColumn]) -> Proposals:
    one, other = texts[:2]
    spoken = all(column.folded in shapes.flat("languages") for column in (one, other))
    why = "their names are those of languages" if spoken else "they are the first two columns of free text"
    named = f"{one.name!r} and {other.name!r} both hold free text"
    others = [f"{c.name!r} holds free text too, which could be asked or answered as well" for c in texts[2:]]
    task = "text_to_text (with a T5, BART or Marian base)" if look.pair_task == "generation" else "generation"
    return Proposals(
        input=Proposal(one.name, f"{_text_reason(one)}; taken for what is asked: it stands first"),
        target=Proposal(other.name, f"{_text_reason(other)}; taken for the answer: it stands second"),
        task=look.pair_task,
        task_reason=f"{named}: pairs of texts, not labels; {why}",
        alternatives=(*others, f"pairs of texts can be learned as the task {task} too"),
    )


def _raw(look: _Look) -> Proposals:
    column = look.columns[0]
    return Proposals(
        input=Proposal(column.name, f"raw text, cut at line ends into {column.filled:,} blocks"),
        task="language_modelling",
        task_reason="raw text without labels or answers: the text itself is learned",
    )


def _best_text(columns: Sequence[SniffedColumn]) -> SniffedColumn | None:
    """Free text: many words, most values different, few missing; a telling name counts threefold."""
    told, other = shapes.flat("input"), shapes.flat("text")

    def score(column: SniffedColumn) -> float:
        named = 3.0 if column.folded in told else 0.5 if column.folded in other else 1.0
        return named * column.mean_words * column.distinct_share * (1 - column.missing_share)

    named = [c for c in columns if c.kind == "words" and c.folded in told and c.distinct_share > 0.5]
    candidates = [c for c in columns if c.kind == "text" and c.missing_share < 0.5] or named
    return max(candidates, key=score, default=None)


def _text_reason(text: SniffedColumn) -> str:
    named = ", and its name says so" if text.folded in shapes.flat("input") else ""
    return (
        f"free text of {text.mean_words:.0f} words on average, {text.distinct:,} different values "
        f"in {text.filled:,} rows{named}"
    )


def _label_reason(label: SniffedColumn) -> str:
    named = ", and its name says so" if named_label(label) else ""
    values = ", ".join(map(repr, label.examples))
    return f"{label.distinct:,} different short values that repeat, such as {values}{named}"
