"""What is said in a chat, as it is written: each answer under the name of the model that gives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from tunewright.cli.output import say
from tunewright.core.text import plain

if TYPE_CHECKING:
    from tunewright.core.errors import DataError
    from tunewright.core.generated import Decoding
    from tunewright.pipeline.chat import Chat, Reply, Speaker


@dataclass(slots=True)
class Stop:
    """Whether the answer at hand is to end."""

    pressed: bool = False


@dataclass(slots=True)
class Transcript:
    """A chat in progress, and where its answers are shown."""

    chat: Chat
    decoding: Decoding
    out: TextIO
    turns: list[dict[str, Any]] = field(default_factory=list)
    """Every turn with its answers, as JSON data."""

    @property
    def names(self) -> list[str]:
        """Who answers."""
        return [speaker.name for speaker in self.chat.speakers]

    def take(self, line: str, *, stop: Stop | None = None) -> None:
        """The turn is answered by all; Ctrl-C on a terminal, which `stop` knows of, ends the answer at hand alone.

        Raises DataError for a turn that cannot be answered.
        """
        text = self.chat.accept(line)
        self._warn(text, typed=stop is not None)
        told: dict[str, Any] = {"text": text}
        self.turns.append(told)
        for speaker in self.chat.speakers:
            reply = self._answer(speaker, text, stop or Stop(), named=stop is not None or len(self.names) > 1)
            told[speaker.name] = reply.as_dict()
            if not reply.stopped and stop is not None:
                self.write(f"({remark(reply)})\n")
            elif not reply.stopped:
                say(f"chat: {speaker.name}: {remark(reply)}")

    def refuse(self, line: str, fault: DataError) -> None:
        """The turn is on record as refused; bytes that are no UTF-8 are written as escapes."""
        text = line.encode("utf-8", "backslashreplace").decode()
        self.turns.append({"text": text, "refused": fault.as_dict()["problems"]})

    def _warn(self, text: str, *, typed: bool) -> None:
        """Special tokens in what is asked are told: the models do not read them as the words they look like."""
        special = {token for speaker in self.chat.speakers for token in speaker.special_in(text)}
        if not special:
            return
        words = f"{', '.join(sorted(special))} in what is asked is read as the special token itself, not as text"
        if typed:
            self.write(f"({words})\n")
        else:
            say(f"chat: warning: {words}")

    def _answer(self, speaker: Speaker, text: str, stop: Stop, *, named: bool) -> Reply:
        stop.pressed = False
        self.write(f"{speaker.name}> " if named else "")
        pieces = speaker.answer(text, self.decoding, lambda: stop.pressed)
        while True:
            try:
                self.write(next(pieces))
            except StopIteration as ended:
                self.write("\n")
                reply: Reply = ended.value
                return reply

    def write(self, text: str) -> None:
        """The text stands on the output at once; on a terminal, it can neither colour nor move anything."""
        safe = (c if c in "\n\t" else plain(c) for c in text) if self.out.isatty() else text
        self.out.write("".join(safe))
        self.out.flush()


def remark(reply: Reply) -> str:
    """Why an answer ended that did not end of its own accord."""
    if reply.interrupted:
        return f"stopped by Ctrl-C after {reply.new_tokens} tokens"
    if reply.context_full:
        return f"broke off after {reply.new_tokens} tokens: the context is full"
    return f"broke off after {reply.new_tokens} tokens: --max-new-tokens allows no more"
