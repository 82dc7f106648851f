"""The command line: its verbs, and what becomes of errors. No fault a user can cause ends in a traceback."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

import typer

from tunewright.cli import audit, chat, check, doctor, export, init, labels, predict, quickstart, run, schema, stages
from tunewright.cli.help import add_epilogs
from tunewright.cli.usage import usage_problem
from tunewright.core.errors import (
    Interrupted,
    Problem,
    RecipeError,
    RunError,
    TunewrightError,
    how_stopped,
)
from tunewright.core.text import is_unicode

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typer.exceptions import TyperException

TRACEBACK = "TUNEWRIGHT_TRACEBACK"
"""Set to anything, an internal error shows its traceback."""

NO_PATH = frozenset({errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL})
"""What the system says of a path that could never be the one meant: the command or the recipe names it wrongly."""

EXIT_CODES = (
    "Exit codes: 0 done · 1 the gate or a check says no, or there is not enough evidence · 2 the recipe or the command "
    "is wrong · 3 the data is wrong · 4 the run broke · 130 interrupted (143 on SIGTERM), with a checkpoint saved."
)

app = typer.Typer(
    name="tunewright",
    help="From a messy dataset to a tuned model that was tested against its base, and a verdict on shipping it.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:  # noqa: FBT001  # the signature of a typer callback
    if value:
        from tunewright import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _top(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),  # noqa: FBT001, FBT003
) -> None:
    """From a messy dataset to a tuned model that was tested against its base, and a verdict on shipping it."""


for verb in (init, audit, check, labels, run, stages, predict, chat, export, quickstart, doctor, schema):
    verb.register(app)
add_epilogs(app)


def run_command(arguments: list[str] | None = None) -> NoReturn:
    """Carries out the command line and ends the process with its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _ended(as_json="--json" in arguments))
    sys.exit(exit_code(arguments))


def _ended(*, as_json: bool) -> Callable[[int, FrameType | None], NoReturn]:
    """What becomes of SIGTERM outside of training, which ends by itself at a checkpoint: a sentence, and 143."""

    def ended(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(_told(_stopped(number), as_json=as_json))

    return ended


def exit_code(arguments: list[str]) -> int:
    """The exit code of a command line, its errors printed."""
    from typer.exceptions import TyperException

    as_json = "--json" in arguments
    odd = next((word for word in arguments if not is_unicode(word)), None)
    if odd is not None:
        given = f"an argument is not UTF-8: {odd!a}"
        remedy = "write it in UTF-8, or rename the file; a text of another encoding can be read with --file"
        return _told(RecipeError(Problem("command line", given, "arguments in UTF-8", remedy)), as_json=as_json)
    try:
        code = app(args=arguments, standalone_mode=False)
    except TyperException as fault:
        return _usage(fault, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return _told(_stopped(signal.SIGINT), as_json=as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away, as `| head` does
        return 0
    except TunewrightError as fault:
        return _told(fault, as_json=as_json)
    except Exception as fault:  # noqa: BLE001  # the top: a user gets a sentence, a developer the traceback on request
        return _told(_internal(fault), as_json=as_json)
    if code == 128 + signal.SIGINT:  # what typer makes of a KeyboardInterrupt
        return _told(_stopped(signal.SIGINT), as_json=as_json)
    return code if isinstance(code, int) else 0


def _stopped(number: int) -> TunewrightError:
    remedy = "run the same command again: of a run, finished stages are kept, and a training resumes"
    return Interrupted(number, Problem("command", how_stopped(number), "", remedy))


def _usage(fault: TyperException, *, as_json: bool) -> int:
    if not fault.format_message():
        return 2  # no verb was given: the help stands there already
    verbs = [command.name or "" for command in app.registered_commands]
    return _told(RecipeError(usage_problem(fault, verbs)), as_json=as_json)


def _internal(fault: Exception) -> TunewrightError:
    if os.environ.get(TRACEBACK):
        traceback.print_exc()
    if isinstance(fault, OSError):
        named = fault.filename2 or fault.filename
        problem = Problem(
            str(named or "a file"), f"{fault.strerror or fault}", "a file that can be used", "see to it, run again"
        )
        return RecipeError(problem) if named is not None and fault.errno in NO_PATH else RunError(problem)
    if isinstance(fault, MemoryError) or "out of memory" in str(fault).lower():
        remedy = "lower train.micro_batch_tokens (the result stays the same), or model.max_tokens"
        return RunError(Problem("memory", "there was not enough", "", remedy))
    given = f"{type(fault).__name__}: {fault}"
    remedy = f"this is a fault of tunewright: please report it, with what {TRACEBACK}=1 shows"
    return RunError(Problem("internal error", given, "", remedy))


def _told(fault: TunewrightError, *, as_json: bool) -> int:
    print(str(fault), file=sys.stderr)  # noqa: T201
    if as_json:
        print(json.dumps(fault.as_dict(), ensure_ascii=False))  # noqa: T201
    return fault.exit_code
