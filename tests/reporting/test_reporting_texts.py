"""Pages, cards and the console tell of models that write as plainly as of those that sort."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from reporting_stories import make_story
from rich.console import Console
from text_stories import bare_text_story, hostile_text_story, text_story

from tunewright.reporting.card import model_card
from tunewright.reporting.figures import headline_metrics
from tunewright.reporting.page import render_page
from tunewright.reporting.summary import summary
from tunewright.reporting.terminal import print_results
from tunewright.reporting.texts import progress

STORY = text_story()


def words(html: str) -> str:
    return " ".join(
        re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)).split()
    )


def printed(story, width: int = 80) -> str:
    out = io.StringIO()
    print_results(Console(file=out, width=width), story.results, story.gate, report_path="report.html")
    return out.getvalue()


def test_the_page_of_a_model_that_writes_shows_texts_and_no_classes() -> None:
    html = render_page(STORY)
    for section in ("forgetting", "generations", "worst", "progress"):
        assert f'id="{section}"' in html
    for section in ("confusion", "classes", "errors"):
        assert f'id="{section}"' not in html
        assert f'href="#{section}"' not in html
    text = words(html)
    assert "texts were written for 200 of them" in text
    assert "bits per byte less is better" in text
    assert "labels with rows" not in text
    assert "12,345" in text  # tokens learned
    assert html.count('<tr class="tuned">') == 1
    pair = STORY.generations[0]
    assert words(pair.reference) in text
    assert words(pair.tuned) in text
    assert "No forgetting seen" in text


def test_the_page_of_a_classifier_has_none_of_it() -> None:
    html = render_page(make_story())
    for section in ("forgetting", "generations", "worst", "progress"):
        assert f'id="{section}"' not in html
    assert "bits per byte" not in words(html)


def test_every_comparison_stands_in_the_table_and_an_unknown_one_is_called_so() -> None:
    text = words(render_page(STORY))
    assert re.search(r"answer of the nearest training row chrF \+35\.\d", text)
    assert re.search(r"answer of the nearest training row bits per byte less is better unknown", text)


def test_answers_while_training_stand_in_the_order_of_steps() -> None:
    found = progress(STORY)
    assert [each.prompt for each in found] == ["Where is my parcel?", "It came broken."]
    steps = [step for step, _ in found[0].answers]
    assert steps == sorted(steps)
    assert len(steps) == len(STORY.evaluations)


@pytest.mark.parametrize("make", [hostile_text_story, bare_text_story])
def test_no_text_of_others_becomes_markup_and_no_absence_an_error(make) -> None:
    story = make()
    html, card, out = render_page(story), model_card(story), printed(story)
    assert html.count("<script") == 1
    assert "<img" not in html
    assert "<img" not in card
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_raw_text_has_likelihoods_alone() -> None:
    story = bare_text_story()
    assert headline_metrics(story.results) == ("bits_per_byte", "perplexity")
    assert "no texts were written" in words(render_page(story))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_closing_table_has_a_row_a_metric_and_every_figure_whole(width: int) -> None:
    text = printed(STORY, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    tuned = STORY.results.systems[-1].metrics["chrf"]
    assert f"{tuned.low:.1f}-{tuned.high:.1f}" in text
    flat = " ".join(text.split())
    assert "tuned minus starter/lm, untuned: bits per byte -0.5" in flat
    assert "No forgetting seen" in flat
    assert "verdict: SHIP" in flat


def test_figures_of_a_hundred_have_one_decimal() -> None:
    rows = [line for line in printed(STORY, 100).splitlines() if line.startswith(("BLEU", "stop rate"))]
    assert re.search(r"BLEU +14\.5 12\.9-16\.2", rows[0])
    assert re.search(r"stop rate .* 1\.000 0\.981-1\.000", rows[1])


def test_the_card_says_what_the_model_writes_and_forgets() -> None:
    card = model_card(STORY)
    assert "pipeline_tag: text-generation" in card
    assert "type: bleu" in card
    assert "## What it writes" in card
    assert "| bits per byte |" in card
    assert "No forgetting seen" in card
    assert "labels" not in card.split("## Training data")[0]
    assert "AutoModelForSeq2SeqLM" in model_card(replace(STORY, task="text_to_text"))
    assert "text2text" not in model_card(replace(STORY, task="language_modelling"))


def test_the_summary_holds_retention() -> None:
    assert summary(STORY.results, STORY.gate)["retention"]["after"]["n"] == 60
    assert summary(make_story().results, make_story().gate)["retention"] is None
