"""A chat on a terminal: a line at a time with editing, and Ctrl-C for the answer alone."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from tunewright.cli.transcript import Stop
from tunewright.core.errors import DataError, did_you_mean
from tunewright.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tunewright.cli.transcript import Transcript

PROMPT = "you> "
HELP = """\
/reset         forget the conversation; what stands before it stays
/system TEXT   let TEXT stand before the conversation; without a text, take it away
/quit          end, as Ctrl-D does
/help          this list
//TEXT         a turn that begins with a slash
Ctrl-C         stop the answer that is being written; at an empty line, twice: end"""
COMMANDS = ("/reset", "/system", "/quit", "/help")


def talk(transcript: Transcript, run: Path) -> None:
    """The conversation with the person at the terminal, until they end it."""
    with contextlib.suppress(ImportError):  # not on every system: lines are then read without editing
        import readline  # noqa: F401  # reading it in is what gives `input` its editing
    names = " and ".join(transcript.names)
    transcript.write(f"{plain(str(run))}: {names}; /help lists the commands, Ctrl-D ends\n")
    pressed = False
    while True:
        try:
            line = _read()
        except EOFError:
            transcript.write("\n")
            return
        except UnicodeDecodeError:
            transcript.write("(this line is not UTF-8: it was not taken)\n")
            continue
        except KeyboardInterrupt:
            if pressed:
                transcript.write("\n")
                return
            transcript.write("\n(Ctrl-C again, Ctrl-D or /quit ends)\n")
            pressed = True
            continue
        pressed = False
        if not _carry_out(transcript, line):
            return


def _read() -> str:
    if sys.stdout.isatty():
        return input(PROMPT)  # the line editor must know the prompt
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
    return input()


def _carry_out(transcript: Transcript, line: str) -> bool:
    """A command is carried out, a turn answered. Returns whether the conversation goes on."""
    if line.startswith("/") and not line.startswith("//"):
        return _command(transcript, *line.strip().partition(" ")[::2])
    if not line.strip():
        return True
    try:
        with _stoppable() as stop:
            transcript.take(line.removeprefix("/"), stop=stop)
    except DataError as fault:
        transcript.refuse(line, fault)
        transcript.write(f"{fault}\n")
    return True


def _command(transcript: Transcript, name: str, rest: str) -> bool:
    if name == "/quit":
        return False
    if name == "/reset":
        transcript.chat.reset()
        transcript.write("(the conversation is forgotten)\n")
    elif name == "/system":
        try:
            transcript.chat.set_system(rest.strip() or None)
        except DataError as fault:
            transcript.write(f"{fault}\n")
        else:
            transcript.write(f"({'set' if rest.strip() else 'nothing stands before the conversation now'})\n")
    elif name == "/help":
        transcript.write(f"{HELP}\n")
    else:
        hint = did_you_mean(name, COMMANDS)
        transcript.write(f"no such command: {name}{hint}; there are {', '.join(COMMANDS)}; //… sends such a turn\n")
    return True


@contextlib.contextmanager
def _stoppable() -> Iterator[Stop]:
    """Within it, Ctrl-C is noted and breaks nothing off: a model is never left in the middle of a change."""
    stop = Stop()

    def press(*_: object) -> None:
        stop.pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
