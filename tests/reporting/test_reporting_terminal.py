from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest
from reporting_stories import empty_story, gappy_story, hostile_story, make_story
from rich.console import Console

from tunewright.reporting.summary import summary
from tunewright.reporting.terminal import print_results

EXPECTED = [
    "scores on 1,200                   macro F1           accuracy           p by",
    "frozen test rows               n  (95 % interval)    (95 % interval)    macro F1",
    "majority class             1,200  0.027 0.007-0.045  0.156 0.136-0.177  <0.0001",
    "TF-IDF + logistic          1,200  0.808 0.788-0.826  0.825 0.802-0.845  0.0021",
    "regression",
    "untuned base + linear      1,200  0.836 0.816-0.854  0.859 0.838-0.878  0.033",
    "probe",
    "tuned                      1,200  0.902 0.882-0.920  0.917 0.900-0.931",
]


def printed(story, *, width: int = 80, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    print_results(console, story.results, story.gate, report_path="runs/tickets/report/report.html")
    return out.getvalue()


def test_the_closing_table_reads_as_this():
    lines = [line.rstrip() for line in printed(make_story()).splitlines()]
    assert lines[1:9] == EXPECTED
    assert lines[-1] == "report: runs/tickets/report/report.html"


def test_no_line_is_wider_than_the_console_and_no_colour_goes_to_a_file(story):
    text = printed(story)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_score_with_its_interval_stands_on_one_line(width):
    text = printed(make_story(), width=width)
    for figures in ("0.902 0.882-0.920", "0.917 0.900-0.931", "0.836 0.816-0.854"):
        assert figures in text


def test_the_verdict_comes_with_every_reason_and_its_advice():
    text = " ".join(printed(empty_story()).split())
    assert "verdict: NOT ENOUGH EVIDENCE" in text
    assert "accuracy at least 0.9 no test row advice: collect more rows" in text
    assert "verdict: SHIP pass macro F1 is better than that of the base" in " ".join(printed(make_story()).split())


def test_an_unknown_score_is_called_unknown():
    lines = printed(gappy_story()).splitlines()
    assert [("unknown" in line) for line in lines if line.startswith(("majority", "tuned"))] == [True, True]
    assert "nan" not in printed(gappy_story())


def test_a_label_can_neither_colour_nor_move_anything_nor_be_read_as_markup():
    story = hostile_story()
    assert "\\x1b[31m" in printed_label("\x1b[31mred")
    assert "[red]x[/red]" in printed_label("[red]x[/red]")
    assert "\x1b" not in printed(story)


def printed_label(text: str) -> str:
    story = make_story()
    outcome = replace(story.gate.outcomes[0], found=text)
    return printed(replace(story, gate=replace(story.gate, outcomes=(outcome,))))


def test_on_a_terminal_the_verdict_is_coloured_and_says_the_same():
    coloured = printed(make_story(), terminal=True)
    assert "\x1b[1;32mSHIP" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == printed(make_story())


def test_every_summary_is_json_without_nan(story):
    data = summary(story.results, story.gate)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["verdict"] == story.gate.verdict.value


def test_a_system_that_was_not_compared_stands_in_the_table_all_the_same():
    story = make_story()
    text = printed(replace(story, results=replace(story.results, comparisons=())))
    assert "0.027 0.007-0.045  0.156 0.136-0.177  -" in text
    assert text.isascii()


def test_the_column_of_p_names_its_metric_and_the_line_below_the_tests_of_that_metric_alone():
    story = make_story()
    other = replace(story.results.comparisons[0], metric="accuracy", test="mcnemar-exact", p_value=0.5)
    headline = [c for c in story.results.comparisons if c.metric == story.results.headline]
    text = printed(replace(story, results=replace(story.results, comparisons=(other, *headline))))
    assert "p by" in text
    assert "McNemar" not in text
    assert " 0.5" not in text
    alone = printed(replace(story, results=replace(story.results, comparisons=(other,))))
    assert "two-sided" not in alone


def test_the_summary_holds_scores_with_n_interval_and_test_and_unknowns_with_their_reason():
    data = summary(make_story().results, make_story().gate)
    tuned = data["systems"][-1]
    assert set(tuned["metrics"]["macro_f1"]) == {"value", "low", "high", "n", "method", "reason"}
    assert {c["against"] for c in data["comparisons"]} == {"majority", "tfidf_linear", "probe"}
    assert data["comparisons"][0]["test"] == "approximate-randomisation"
    empty = summary(empty_story().results, empty_story().gate)
    assert empty["systems"][0]["metrics"]["accuracy"] == {
        "value": None, "low": None, "high": None, "n": 0, "method": "", "reason": "no test row",
    }  # fmt: skip
