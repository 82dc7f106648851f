"""Whoever waits for answers sees how many there are, how fast they come, and how long the rest takes."""

from __future__ import annotations

import io

from rich.console import Console

from tunewright.tracking.answers import ConsoleAnswers


def watched(*told: tuple[float, int, int], terminal: bool = False, total: int = 200) -> str:
    """What is shown of reports at these seconds."""
    shown = io.StringIO()
    now = [0.0]
    watch = ConsoleAnswers(
        Console(file=shown, force_terminal=terminal, width=120, color_system=None), clock=lambda: now[0]
    )
    with watch("evaluation", total) as wrote:
        for second, done, tokens in told:
            now[0] = second
            wrote(done, tokens)
    return shown.getvalue()


def test_without_a_terminal_a_line_is_said_now_and_then() -> None:
    said = watched((2, 1, 90), (10, 20, 1500), (12, 30, 1800), (20, 50, 3000), (21, 200, 9000)).splitlines()
    assert said == [
        "evaluation: 20/200 answers, 2.0 answers/s, 150 tokens/s, 1 min 30 s left",
        "evaluation: 50/200 answers, 2.5 answers/s, 150 tokens/s, 1 min 0 s left",
    ]


def test_the_time_left_is_unknown_until_an_answer_has_ended() -> None:
    assert watched((10, 0, 700)) == "evaluation: 0/200 answers, 0.0 answers/s, 70 tokens/s\n"


def test_what_is_over_before_a_line_is_due_leaves_none() -> None:
    assert watched((1, 10, 200), (9, 200, 4000)) == ""


def test_on_a_terminal_a_bar_shows_it() -> None:
    shown = watched((10, 20, 1500), (20, 200, 9000), terminal=True)
    assert "evaluation" in shown
    assert "200/200" in shown
    assert "10.0 answers/s, 450 tokens/s, 0 s left" in shown
