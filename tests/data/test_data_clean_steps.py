"""The laws of cleaning, and a table of what each step takes away and what it leaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, public_data, tickets, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.conversation import from_json
from tunewright.core.rows import ROW_COLUMNS
from tunewright.data.clean_steps import follow, steps_of
from tunewright.data.frame import LINE
from tunewright.data.normalise import clean_asked, clean_rows, clean_text
from tunewright.data.read import read_table
from tunewright.data.sniff import sniff
from tunewright.data.text_audit import text_findings
from tunewright.data.text_blocks import read_text
from tunewright.recipe.clean import CleanSpec
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.rows import Finding

OF_NO_FILE = (pl.lit("a.txt").alias("source"), pl.lit(None, dtype=pl.String).alias("target"))
EVERYTHING = CleanSpec(
    mojibake=True,
    html=True,
    unicode="nfkc",
    markdown=True,
    placeholders=["url", "email"],
    quotes=True,
    dates=True,
    numbers=True,
    lower_case=True,
    replace={"teh": "the", "alot": "a lot"},
    boilerplate=["Kind regards"],
)
ALL_STEPS = steps_of(EVERYTHING, "classification")
PIECES = (
    "<p>", "</p>", "<br>", "<div class='x'>", "</div>", "&lt;", "&gt;", "&amp;", "amp;", "lt;", "p&gt;", "&#60;",
    "<!--", "-->", "<script>", "</script>", "`", "```", "**", "*", "_", "# ", "> ", "[a](", "b)", "donâ€™t", "Ã©", "Ã",
    "\u2019", "\u201c", "http://x.org/a.", "www.", "a@b.org", "@", "31/12/2024", "1,234,567.5", "1.234,5", "TEH",
    "teh", "3 March 2025", "\nKind regards", "\n", " ", "ﬁ", "\x92", "\u200b", "Σ", "a < b", "<3", "<", ">", "word",
)  # fmt: skip
SCHEMA = {name: pl.Int64 if name == "line" else pl.String for name in (*ROW_COLUMNS, "role")}
BROKEN = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
ANYTHING = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)


@law(400)
@given(BROKEN | ANYTHING)
def test_all_steps_together_leave_a_text_at_rest(text: str) -> None:
    once = clean_text(text, EVERYTHING)
    assert clean_text(once, EVERYTHING) == once


@pytest.mark.parametrize("step", ALL_STEPS, ids=lambda step: step.rule)
@law(120)
@given(text=BROKEN | ANYTHING)
def test_each_step_by_itself_leaves_a_text_at_rest(step: Any, text: str) -> None:
    once = follow((text,), [step]).texts
    assert follow(once, [step]).texts == once


@law(200)
@given(st.text("abcdefghijklmnopqrstuvwxyzäöüßéñ.,;!?'0123456789", min_size=1, max_size=60))
def test_a_text_of_plain_words_is_left_alone(text: str) -> None:
    assert follow((text,), steps_of(CleanSpec(), "classification")).texts == (text,)


KEPT = (
    "a < b and c > d", "I <3 you", "List<String> names = new ArrayList<String>();", "a Map<String, List<Object>>",
    "std::vector<p> v;", "Option<i> x", "#include <map>", "How do I center a <div>?", "if (a<b) return b>c;",
    "<note><to>Ann</to><title>Hi</title></note>", "write `<br>` for a break", "```\n<p>code</p>\n```", "AT&T; R&D",
    "x &y; z", "Fish & Chips", "<url> and <name>", "<-- here -->", "1 <2> 3", "naïve café – it’s “quoted”", "Åse",
    "ΛΕΥΚΩΣΙΑ",
)  # fmt: skip


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_damage_stays(text: str) -> None:
    assert clean_text(text, CleanSpec(unicode="off")) == text


@pytest.mark.parametrize(
    ("text", "clean", "rule"),
    [
        ("<p>Is it ok for <b>wool</b> &amp; silk?</p>", "Is it ok for wool & silk?", "html"),
        ("Hi,<br>no more,&nbsp;the cupboard<br/><br>Thanks", "Hi,\nno more, the cupboard\nThanks", "html"),
        ('<div class="gmail_quote">Following up', "Following up", "html"),
        ("&amp;lt;p&amp;gt;twice escaped&amp;lt;/p&amp;gt;", "twice escaped", "html"),
        ("<style>p { color: red }</style><p>seen</p><!-- not seen -->", "seen", "html"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b", "html"),
        ("use List<Object> in <p>one</p>", "use List<Object> in \none", "html"),
        ("donâ€™t send it to the cafÃ©", "don’t send it to the café", "mojibake"),
        ("don\x92t", "don’t", "mojibake"),
        ("cafe\u0301", "café", "unicode"),
        ("see https://a.org/b?c=d. Or www.x.io!", "see [URL]. Or [URL]!", "url"),
        ("(mail jo.b+x@mail.example.org)", "(mail [EMAIL])", "email"),
        ("## Title\n> said\n**bold** and [a link](http://x.org)", "Title\nsaid\nbold and a link", "markdown"),
        ("it’s “so” – yes", 'it\'s "so" - yes', "quotes"),
        ("on 31/12/2024, 3rd of March 2025 and May 4, 2025", "on 2024-12-31, 2025-03-03 and 2025-05-04", "date"),
        ("1,234,567.50 or 1.234,5 or 12,345.6", "1234567.50 or 1234.5 or 12345.6", "number"),
        ("Teh best, teh end", "The best, the end", "replace"),
        ("Help me\n\n  kind REGARDS \n", "Help me", "boilerplate"),
        ("Ärger", "ärger", "lower_case"),
    ],
)
def test_each_step_does_its_work_under_its_rule(text: str, clean: str, rule: str) -> None:
    steps = [step for step in ALL_STEPS if step.rule in {rule, "whitespace"}]
    if rule == "unicode":
        steps = [step for step in steps_of(CleanSpec(), "classification") if step.rule == "unicode"]
    trail = follow((text,), steps)
    assert trail.texts == (clean,)
    assert trail.before[rule] == (text,)


@pytest.mark.parametrize(
    "text", ["03/04/2025", "31/02/2025", "1,234", "1.234", "192.168.100.200", "2.0.1-3", "version 1.2.2025.4"]
)
def test_a_date_or_number_with_two_readings_stays(text: str) -> None:
    assert clean_text(text, EVERYTHING) == text


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<p>",
        "`<\n",
        "```<",
        "&amp;",
        "[a",
        "`",
        "**a",
        "http://",
        "a@",
        "1,234",
        "<script>",
        "Ã©",
        "\n",
        "* ",
        "&lt;",
    ],
)
@pytest.mark.parametrize("step", ALL_STEPS, ids=lambda step: step.rule)
def test_no_step_takes_more_than_linear_time(step: Any, piece: str) -> None:
    text = piece * (200_000 // len(piece))
    begun = time.process_time()
    step.change(text)
    assert time.process_time() - begun < 5  # a quadratic step would take hours


def test_texts_that_are_learned_stay_as_they_are_unless_asked(tmp_path: Path) -> None:
    rows = [{"prompt": f"<p>Question {n}</p>", "completion": f"<b>answer {n}</b> donâ€™t"} for n in range(40)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    kept = prepared(tmp_path, DataSpec(train="train.jsonl"), task="generation")
    assert {"html", "mojibake"} <= {finding.kind for finding in kept.profile.findings if finding.remedy}
    assert kept.profile.changed == {}
    asked = prepared(tmp_path, DataSpec(train="train.jsonl", clean=CleanSpec(html=True)), task="generation")
    assert asked.profile.changed == {"html": 40}
    for split in asked.splits.values():
        for messages, target in split.select("messages", "target").iter_rows():
            turns = from_json(messages).turns
            assert "<" not in turns[0]["content"]
            assert target == turns[-1]["content"]
            assert "<" not in target
            assert "donâ€™t" in target


def test_a_text_of_tags_alone_leaves_as_missing(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [*tickets(40), {"text": "<br>&nbsp;<br>", "label": "refund"}])
    found = prepared(tmp_path)
    assert found.profile.dropped == {"missing_text": 1}
    assert found.profile.read == found.profile.kept + 1


def test_lines_that_end_many_texts_are_reported_and_go_where_the_recipe_names_them(tmp_path: Path) -> None:
    rows = [row | {"text": row["text"] + "\n\nSent from my phone"} for row in tickets(40)]
    write_csv(tmp_path / "train.csv", rows)
    (told,) = [f for f in prepared(tmp_path).profile.findings if f.kind == "boilerplate"]
    assert told.count == 40
    assert '["Sent from my phone"]' in told.remedy
    named = DataSpec(train="train.csv", clean=CleanSpec(boilerplate=["Sent from my phone"]))
    assert prepared(tmp_path, named).profile.changed["boilerplate"] == 40


def test_an_email_address_is_told_of_once_with_one_remedy(tmp_path: Path) -> None:
    rows = [row | {"text": f"{row['text']} jo.b{n}@mail.example.org"} for n, row in enumerate(tickets(40))]
    write_csv(tmp_path / "train.csv", rows)
    told = prepared(tmp_path).profile.findings + sniff(tmp_path / "train.csv").findings
    (one,) = [f for f in told if "e-mail" in f.message]
    assert (one.kind, one.remedy) == ("personal_data", "write `data.privacy: {email: mask}` (or `drop`)")


def test_a_line_that_stands_within_texts_too_is_part_of_them() -> None:
    """A speaker's name begins many stretches of a play, and stands inside most; a footer ends them and nothing else."""
    play = [f"MENENIUS:\nOne word of {n}.\n" + f"MENENIUS:\nAnd {n} again, good friends.\n" * 4 for n in range(40)]
    footed = [f"{text}Printed from the library's files" for text in play]

    def named(texts: list[str]) -> list[Finding]:
        rows = pl.DataFrame({"input": texts}).with_row_index("line").select(*OF_NO_FILE, "line", "input")
        return [f for f in text_findings(rows, CleanSpec(), "language_modelling") if f.kind == "boilerplate"]

    assert named(play) == []
    (told,) = named(footed)
    assert told.count == 40
    assert "MENENIUS" not in told.message + told.remedy
    assert '["Printed from the library\'s files"]' in told.remedy


@pytest.mark.datasets
def test_no_line_of_a_play_is_taken_for_boilerplate() -> None:
    texts = read_text((public_data() / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8"))
    rows = texts.select(*OF_NO_FILE, line=LINE, input="text")
    assert [f for f in text_findings(rows, CleanSpec(), "language_modelling") if f.kind == "boilerplate"] == []


@pytest.mark.parametrize("task", ["classification", "generation", "text_to_text", "language_modelling"])
@law(60)
@given(text=BROKEN)
def test_what_a_model_is_asked_is_at_rest_in_every_task(task: str, text: str) -> None:
    once = clean_asked(text, EVERYTHING, task)
    assert clean_asked(once, EVERYTHING, task) == once


@pytest.mark.datasets
def test_questions_of_people_who_type_plainly_are_left_alone() -> None:
    frame = read_table("train.jsonl", folder=public_data() / "banking77", spec=DataSpec(train="train.jsonl")).frame
    steps = [step for step in steps_of(CleanSpec(), "classification") if step.rule in {"mojibake", "html", "unicode"}]
    changed = [text for text in frame["text"] if follow((text,), steps).before]
    assert changed == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"replace": {"a b": "c"}}, "not one word"),
        ({"replace": {"a": "b", "b": "c"}}, "is replaced too"),
        ({"boilerplate": ["a\nb"]}, "not one line"),
    ],
)
def test_a_map_or_line_that_cannot_be_meant_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CleanSpec(**fields)


@pytest.mark.parametrize("task", ["classification", "text_to_text", "language_modelling"])
@pytest.mark.parametrize("spec", [CleanSpec(), EVERYTHING], ids=["defaults", "everything"])
@law(40)
@given(texts=st.lists(BROKEN, min_size=1, max_size=5))
def test_what_a_model_is_asked_is_cleaned_as_the_texts_of_its_training(
    task: str, spec: CleanSpec, texts: list[str]
) -> None:
    columns = {name: [None] * len(texts) for name in (*ROW_COLUMNS, "role")}
    rows = pl.DataFrame(
        columns | {"line": range(len(texts)), "input": texts, "target": ["a"] * len(texts)}, schema_overrides=SCHEMA
    )
    cleaned = clean_rows(rows, spec, task)
    assert cleaned.rows["input"].to_list() == [clean_asked(text, spec, task) for text in texts]
    changed = {number for number, text in enumerate(texts) if clean_asked(text, spec, task) != text}
    assert changed <= set(cleaned.changes["line"])  # each of them is on record
