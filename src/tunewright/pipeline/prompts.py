"""What the rows of a file ask a model that writes: texts or conversations, each with its line and id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewright.core.conversation import Conversation, asked
from tunewright.core.encoded import RowContent
from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.data.columns import Columns, recognised
from tunewright.data.contents import content_of
from tunewright.data.faults import Fault, data_error
from tunewright.data.frame import LINE
from tunewright.data.invisible import is_blank
from tunewright.data.read import read_table
from tunewright.data.shapes import beside, columns_of, conversations, turn_keys
from tunewright.data.turns import conversation_of, tools_of, words_of
from tunewright.data.unfit import Unfit
from tunewright.data.words import column_names, fold_name, pair_shapes
from tunewright.pipeline.texts import ids_of, refuse_blank_lines
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tunewright.data.read import RawTable

DIALOGUES = "generation"
"""The task whose rows are conversations."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one row asks."""

    content: RowContent
    line: int | None = None
    """Where its record begins in the file, from 1; None for a text that was given."""
    id: str | int | None = None


def prompt_of(text: str, task: str, clean: Callable[[str], str]) -> RowContent:
    """A text that was given, as a row of the task."""
    cleaned = clean(text)
    return RowContent(cleaned, asked(cleaned).to_json() if task == DIALOGUES else None)


def prompts_of(
    file: Path, column: str | None, *, learned: DataSpec | None, task: str, clean: Callable[[str], str]
) -> list[Prompt]:
    """What every row of the file asks, in order; an answer that stands at the end of a conversation is left out.

    The columns are the one named, else those learned from, else those recognised by their names. Raises RecipeError
    where they are in doubt, DataError for rows that ask nothing and where a blank line could have been a row.
    """
    table = read_table(str(file), folder=Path(), spec=DataSpec(train=str(file)))
    columns = _columns(table, column, learned or DataSpec(train=str(file)), task)
    found, faults = [], []
    for record in table.frame.to_dicts():
        line = record.pop(LINE)
        try:
            found.append((_content(record, columns, task, clean), line))
        except Unfit as fault:
            message, remedy = map(str, fault.args[:2])
            faults.append(Fault(str(file), line, message, remedy, numbered=table.numbered))
    if faults:
        raise data_error(faults, what="ask nothing that can be answered", remedy="correct or leave out these records")
    refuse_blank_lines(file, table)
    read = {name for _, name in columns.pairs}
    ids = ids_of(table.frame, [name for name in columns_of(table.frame) if name not in read])
    return [Prompt(content, line, each) for (content, line), each in zip(found, ids, strict=True)]


def _content(record: Mapping[str, Any], columns: Columns, task: str, clean: Callable[[str], str]) -> RowContent:
    tools = tools_of(record.get(columns.tools)) if columns.tools else ()
    system = record.get(columns.system) if columns.system else None
    if columns.messages is not None:
        chat = conversation_of(record[columns.messages], system=system, tools=tools)
    else:
        content, unfit = content_of(record, columns, "language_modelling")
        text = content.input
        if unfit:
            raise unfit[0]
        if text is None or is_blank(text):
            raise Unfit("holds no text", "write the text, or leave the record out")
        if task != DIALOGUES:
            return RowContent(clean(text))
        known = system if isinstance(system, str) and not is_blank(system) else None
        chat = Conversation(asked(text, known).turns, tools)
    turns = tuple({**turn, "content": clean(str(turn["content"]))} for turn in chat.turns)
    if not turns or turns[-1]["role"] == "assistant":
        turns = turns[:-1]
    if not any(turn["role"] == "user" for turn in turns):
        raise Unfit("holds no turn of the user's", "write what is asked, or leave the record out")
    whole = Conversation(turns, chat.tools)
    return RowContent(words_of(whole)[0] or "", whole.to_json())


def _columns(table: RawTable, column: str | None, learned: DataSpec, task: str) -> Columns:
    """Where the rows' questions stand, and what stands beside them."""
    present = columns_of(table.frame)
    if column is not None and column not in present:
        given = f"no column {column!r}{did_you_mean(column, present)}"
        raise RecipeError(Problem(table.source, given, f"one of: {', '.join(present)}", "correct the name"))
    messages = _messages(table, column, learned) if task == DIALOGUES else None
    inputs = () if messages else ((column,) if column else _inputs(present, learned))
    if not messages and not inputs:
        given = "it is not clear which column holds the text"
        raise RecipeError(Problem(table.source, given, f"one of: {', '.join(present)}", "name it with --column"))
    if task != DIALOGUES:
        return Columns(input=inputs)
    taken = [*inputs, *([messages] if messages else [])]
    by_name = {field: names[0] for field, names in beside(present, taken).items()}
    named = {field: getattr(learned, field) for field in ("system", "tools")}
    there = {field: name for field, name in named.items() if name in present}
    return Columns(input=inputs, messages=messages, **(by_name | there))


def _messages(table: RawTable, column: str | None, learned: DataSpec) -> str | None:
    """The column of conversations, if the questions stand in one."""
    if column is not None:
        return column if turn_keys(table.frame[column]) is not None else None
    if learned.messages is not None and learned.messages in table.frame.columns:
        return learned.messages
    found = conversations(table.frame)
    return found.columns["messages"][0] if found is not None else None


def _inputs(present: Sequence[str], learned: DataSpec) -> tuple[str, ...]:
    """The columns of the text: those learned from where they are there, else those whose names say so; or none."""
    named = [learned.input] if isinstance(learned.input, str) else learned.input or []
    if named and set(named) <= set(present):
        return tuple(named)
    if len(present) == 1:
        return tuple(present)
    folded = {fold_name(name): name for name in reversed(present)}
    for shape in pair_shapes():
        asking = next((folded[name] for name in shape.ask if name in folded), None)
        if asking is not None and shape.sure:
            return (asking, *(folded[name] for name in shape.more if name in folded and folded[name] != asking))
    found = recognised(present, column_names("input"))
    return tuple(found) if len(found) == 1 else ()
