"""Turns of a conversation, as every source's own shape is read into and as a chat template takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)
ASKING: frozenset[Role] = frozenset({"user", "tool"})
"""Whose turns are answered."""
Turn = Mapping[str, Any]
"""`role` (of ROLES) and `content` (text); a tool's turn may have a `name` and a `tool_call_id`, an assistant's turn
`tool_calls` and a `weight`."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order, with the tools that were on offer. The row's column `messages` holds it as JSON text."""

    turns: tuple[Turn, ...]
    tools: tuple[Mapping[str, Any], ...] = ()

    @property
    def prompt(self) -> Conversation:
        """What the model is given when it is asked: all turns but an answer that stands last."""
        answered = bool(self.turns) and self.turns[-1]["role"] == "assistant"
        return Conversation(self.turns[:-1] if answered else self.turns, self.tools)

    @property
    def answer(self) -> str | None:
        """The text of the last turn of the assistant, or None without one."""
        return next((str(turn["content"]) for turn in reversed(self.turns) if turn["role"] == "assistant"), None)

    @property
    def trained_answers(self) -> tuple[str, ...]:
        """What the assistant says in its turns that are trained: no `weight: 0`, no greeting nobody asked for."""
        return tuple(said_in(self.turns[number]) for number in self.trained)

    @property
    def answers(self) -> tuple[int, ...]:
        """The places, from 0, of the assistant's turns that answer one of the user's or of a tool's.

        A turn before the first of these, a greeting, answers nothing: it is context, behind a system turn or not.
        """
        begun = next((number for number, turn in enumerate(self.turns) if turn["role"] in ASKING), len(self.turns))
        return tuple(n for n, turn in enumerate(self.turns) if n > begun and turn["role"] == "assistant")

    @property
    def trained(self) -> tuple[int, ...]:
        """The places, from 0, of the answers that are trained: those of weight 0 are context."""
        return tuple(number for number in self.answers if self.turns[number].get("weight", 1) != 0)

    def to_json(self) -> str:
        """JSON text that `from_json` reads."""
        found: dict[str, Any] = {"turns": list(self.turns)}
        return json.dumps(found | ({"tools": list(self.tools)} if self.tools else {}), ensure_ascii=False)


def said_in(turn: Turn) -> str:
    """The text of a turn; of one that calls functions and says nothing beside, its calls as JSON text."""
    content, calls = str(turn.get("content") or ""), turn.get("tool_calls")
    return json.dumps(calls, ensure_ascii=False) if calls and not content.strip() else content


def from_json(text: str) -> Conversation:
    """The conversation of a row's column `messages`."""
    found = json.loads(text)
    return Conversation(tuple(found["turns"]), tuple(found.get("tools", ())))


def asked(text: str, system: str | None = None) -> Conversation:
    """A single question of the user's, after a system text where there is one."""
    first: Sequence[Turn] = () if system is None else ({"role": "system", "content": system},)
    return Conversation((*first, {"role": "user", "content": text}))
