"""Conversations as data sets write them, read into turns of one shape: OpenAI's messages and ShareGPT's."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tunewright.core.conversation import Conversation, said_in
from tunewright.core.errors import nearest
from tunewright.data.invisible import is_blank
from tunewright.data.shapes import MESSAGE_KEYS, ROLE_KEYS, SHARE_GPT_KEYS, meant_key, turns_of
from tunewright.data.unfit import Unfit, kind_of, shown
from tunewright.data.words import roles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.core.conversation import Turn

SHAPES = (
    'messages: [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}], or '
    'ShareGPT: [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]'
)
CALLING = "function_call"
"""ShareGPT's role of a call, whose value is JSON text: a turn of the assistant's, learned as it is written."""
NAMES = ("name", "tool_call_id")
"""Keys of a turn that a template may ask for as they are: who speaks, and which call is answered."""
REASONING = ("reasoning_content", "reasoning", "thinking")
READ_KEYS = frozenset({*MESSAGE_KEYS, *SHARE_GPT_KEYS, *NAMES, *REASONING, "tool_calls", CALLING, "weight"})
"""Every key of a turn that is looked at; what stands under others is not learned."""


def conversation_of(
    value: Any, *, system: str | None = None, tools: tuple[Mapping[str, Any], ...] = ()
) -> Conversation:
    """The conversation that a record's value holds, its system text first.

    Raises Unfit with the number of the turn for what is no turn, an unknown role, two answers in a row, content that is
    no text, and calls that name no function or are no JSON. What is absent (an answer, a text) is left to `gaps`.
    """
    given = turns_of(value)
    if given is None:
        raise Unfit(f"is {kind_of(value)}, not a list of turns: {shown(value)}", f"write it as {SHAPES}")
    turns = [_turn(turn, number) for number, turn in enumerate(given, start=1)]
    turns = [turn for turn in turns if turn["role"] != "system" or not is_blank(turn["content"])]
    if system is not None and not is_blank(system):
        if turns and turns[0]["role"] == "system":
            raise Unfit("has a system turn of its own beside data.system", "remove data.system, or these turns")
        turns = [{"role": "system", "content": system}, *turns]
    if not turns:
        raise Unfit("is a conversation without turns", f"write it as {SHAPES}")
    _require_order(turns)
    return Conversation(tuple(turns), tools)


def gaps(conversation: Conversation) -> tuple[str, ...]:
    """What a conversation lacks, in words: none where something can be learned from the whole of it."""
    turns = conversation.turns
    found = [
        f"turn {number} ({turn['role']}) is empty"
        for number, turn in enumerate(turns, start=1)
        if turn["role"] in {"user", "assistant"} and is_blank(turn["content"]) and not turn.get("tool_calls")
    ]
    if not any(turn["role"] == "assistant" for turn in turns):
        return (*found, "no turn of the assistant's: nothing to learn")
    if not conversation.answers:
        return (*found, "no turn of the assistant's answers one of the user's or a tool's: nothing to learn")
    if _last_trained(conversation) is None:
        return (*found, "every answer has the weight 0: nothing to learn")
    if turns[-1]["role"] != "assistant":
        found.append(f"ends with a turn of the {turns[-1]['role']}'s, which nobody answers")
    return tuple(found)


def without_trailing(conversation: Conversation) -> Conversation:
    """The conversation up to its last trained answer, which is what is asked for; whole where it has none."""
    last = _last_trained(conversation)
    return conversation if last is None else Conversation(conversation.turns[: last + 1], conversation.tools)


def words_of(conversation: Conversation) -> tuple[str | None, str | None]:
    """The words before an answer that stands last, and the last trained answer: null where there are none or a turn
    among them is empty.
    """
    asked, answer = conversation.prompt.turns, None
    number = _last_trained(conversation)
    if number is not None:
        answer = said_in(conversation.turns[number]) or None
    said = [said_in(turn) for turn in asked]
    empty = any(
        turn["role"] in {"user", "assistant"} and is_blank(text) for turn, text in zip(asked, said, strict=True)
    )
    joined = "\n\n".join(text for text in said if not is_blank(text))
    return (None if empty or not joined else joined), (None if answer is None or is_blank(answer) else answer)


def tools_of(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The tools of a record: a list of objects, or JSON text of one. Raises Unfit for anything else."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return ()
    if isinstance(value, str):
        value = _json(value, "the tools are")
    held = [value] if isinstance(value, dict) else value
    if not isinstance(held, list) or not all(isinstance(tool, dict) for tool in held):
        raise Unfit(f"the tools are {kind_of(value)}: {shown(value)}", "write a list of objects, or JSON text of one")
    unnamed = [tool for tool in held if not _name_of(tool)]
    if unnamed:
        raise Unfit(f"a tool has no name: {shown(unnamed[0])}", 'write it as {"name": "…", "parameters": {…}}')
    return tuple(held)


def _last_trained(conversation: Conversation) -> int | None:
    """The place of the last answer that is learned."""
    return max(conversation.trained, default=None)


def _turn(given: Any, number: int) -> Turn:
    where = f"turn {number} "
    if not isinstance(given, dict):
        raise Unfit(f"{where}is {kind_of(given)}, not an object: {shown(given)}", f"write turns as {SHAPES}")
    keys = next((keys for keys in (MESSAGE_KEYS, SHARE_GPT_KEYS) if keys[0] in given), None)
    if keys is None:
        held = ", ".join(map(repr, given)) or "none"
        hint = meant_key(given, ROLE_KEYS)
        raise Unfit(f"{where}holds the keys {held}, no role{hint}", f"write turns as {SHAPES}")
    said = given[keys[0]]
    role = roles().get(said.strip().lower()) if isinstance(said, str) else None
    if role is None:
        near = nearest(said, roles()) if isinstance(said, str) else None
        hint = f" (did you mean {roles()[near]!r}?)" if near is not None else ""  # the role, and no other word for it
        raise Unfit(f"{where}has the unknown role {said!r}{hint}", f"expected one of: {', '.join(roles())}")
    content = _content(given, keys[1], where)
    if said == CALLING and keys == SHARE_GPT_KEYS:
        _require_call(_json(content, f"{where}calls a function, and its text is"), where)
    turn: dict[str, Any] = {"role": role, "content": content}
    calls = _tool_calls(given, where)
    _refuse_reasoning(given, where)
    named = {key: given[key] for key in NAMES if isinstance(given.get(key), str)}
    return turn | ({"tool_calls": calls} if calls else {}) | named | _weight(given, role, where)


def _refuse_reasoning(given: Mapping[str, Any], where: str) -> None:
    """Raises Unfit for thoughts beside the content: templates leave them out of all turns but the last, so that what is
    trained on would not be what is asked with.
    """
    thought = next((k for k in REASONING if given.get(k) and not isinstance(given[k], bool)), None)
    if thought is not None:
        remedy = "write it into the content, as the base's template has it, or take the key out"
        raise Unfit(f"{where}has {thought!r} beside its content, which is not trained", remedy)


def _weight(given: dict[str, Any], role: str, where: str) -> dict[str, int]:
    """Whether an answer is trained, where the turn says so: 1 or 0, as OpenAI's files have it."""
    weight = given.get("weight")
    if weight is None:
        return {}
    if weight not in (0, 1) or role != "assistant":
        raise Unfit(f"{where}has the weight {shown(weight)}", "write 0 (context) or 1 (trained), on answers alone")
    return {"weight": int(weight)}


def _content(given: Mapping[str, Any], key: str, where: str) -> str:
    value = given.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_part(part, where) for part in value)
    if value is None and ("tool_calls" in given or CALLING in given):
        return ""
    hint = meant_key(given, (key,)) if key not in given else ""
    what = f"has no {key}{hint}" if value is None else f"has {kind_of(value)} as its content: {shown(value)}"
    raise Unfit(f"{where}{what}", "write the content of each turn as text")


def _part(part: Any, where: str) -> str:
    if isinstance(part, str):
        return part
    if (
        isinstance(part, dict)
        and isinstance(part.get("text"), str)
        and part.get("type", "text") in {"text", "input_text"}
    ):
        return str(part["text"])
    kind = repr(part.get("type")) if isinstance(part, dict) else kind_of(part)
    raise Unfit(f"{where}holds a part of the type {kind}: only texts are learned", "remove the record, or the part")


def _tool_calls(given: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    calls = given.get("tool_calls") or []
    if not isinstance(calls, list):
        raise Unfit(f"{where}has {kind_of(calls)} as its tool_calls", "write a list of calls")
    legacy = given.get(CALLING)
    return [_call(call, where) for call in [*calls, *([legacy] if legacy else [])]]


def _call(call: Any, where: str) -> dict[str, Any]:
    if not isinstance(call, dict):
        raise Unfit(f"{where}holds a call that is {kind_of(call)}", 'write it as {"function": {"name": …}}')
    function = call.get("function", call)
    _require_call(function, where)
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        arguments = _json(arguments, f"{where}calls {function['name']!r}, and its arguments are") if arguments else {}
    if not isinstance(arguments, dict):
        given = f"{where}calls {function['name']!r} with {kind_of(arguments)} as its arguments"
        raise Unfit(given, "write the arguments as an object")
    named = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
    return named | {"type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _require_call(value: Any, where: str) -> None:
    for call in value if isinstance(value, list) and value else [value]:
        if not isinstance(call, dict) or not _name_of(call):
            raise Unfit(f"{where}calls a function without a name: {shown(call)}", 'write {"name": …, "arguments": …}')


def _name_of(tool: Mapping[str, Any]) -> str | None:
    function = tool.get("function", tool)
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name.strip() else None


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise Unfit(f"{what} no sound JSON: {shown(text)}", "write it with a JSON writer") from fault


def _require_order(turns: list[Turn]) -> None:
    for number, (one, other) in enumerate(pairwise(turns), start=2):
        if one["role"] == other["role"] == "assistant":
            given = f"turns {number - 1} and {number} are both of the assistant's, with no question between them"
            raise Unfit(given, "join the two answers, or bring back the turn that stood between them")
        if other["role"] == "system":
            raise Unfit(f"turn {number} is of the system's, behind other turns", "put it first, or remove it")
