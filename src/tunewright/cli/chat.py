"""`tunewright chat`: talk to a tuned model, beside its base."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tunewright.cli.output import AsJson, put_json, say
from tunewright.cli.transcript import Transcript
from tunewright.core.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("chat")(chat)


def chat(  # noqa: PLR0913  # an option each
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run directory, such as runs/recipe.", show_default=False)
    ],
    *,
    text: Annotated[list[str] | None, typer.Option("--text", "-t", help="A turn; may be given many times.")] = None,
    against: Annotated[
        Literal["base"] | None, typer.Option("--against", help="Let the untuned base answer every turn too.")
    ] = None,
    system: Annotated[str | None, typer.Option("--system", help="What stands before the conversation.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of an answer.")] = 256,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 takes the most probable token.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of probability to draw from.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws, where the temperature is not 0.")] = 13,
    as_json: AsJson = False,
) -> None:
    """Talk to the tuned model of RUN; answers appear as they are written.

    On a terminal, Ctrl-C stops an answer, Ctrl-D ends, /help lists the commands. Otherwise every line of the input that
    is not blank is a turn; one that cannot be answered is told, the others are answered, and the exit code is 3.
    """
    from tunewright.pipeline.chat import open_chat
    from tunewright.pipeline.decoding import chosen_decoding

    decoding = chosen_decoding(max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, seed=seed)
    assert decoding is not None, "every option of the verb has a default"
    typed = not text and sys.stdin.isatty()
    if typed:
        say(f"chat: loading {run}")
    conversation = open_chat(run, against_base=against is not None, system=system)
    transcript = Transcript(conversation, decoding, sys.stderr if as_json else sys.stdout)
    if typed:
        from tunewright.cli.terminal import talk

        talk(transcript, run)
    else:
        for turn in text or ():
            transcript.take(turn)
        for line in () if text else _lines():
            _take(transcript, line)
    if as_json:
        facts = {"run": str(run), "against": against, "system": conversation.system}
        put_json({**facts, "turns": transcript.turns})
    if not typed and any("refused" in turn for turn in transcript.turns):
        raise typer.Exit(DataError.exit_code)


def _take(transcript: Transcript, line: str) -> None:
    """The line is answered, or refused in words on stderr: those behind it are turns of their own."""
    try:
        transcript.take(line)
    except DataError as fault:
        transcript.refuse(line, fault)
        say(f"chat: {fault}")


def _lines() -> Iterator[str]:
    """The lines of the input that are not blank; bytes that are no UTF-8 stand in their line as surrogates."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # one such line must not end the others
    try:
        for line in sys.stdin:
            if line.strip():
                yield line.rstrip("\r\n")
    except UnicodeDecodeError as fault:
        raise DataError(Problem("input", f"cannot be read: {fault}", "lines in UTF-8", "convert it first")) from fault
