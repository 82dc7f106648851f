from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from reporting_stories import HOSTILE, empty_story, gappy_story, hostile_story, make_story

from tunewright import evaluation
from tunewright.core.results import Estimate, Verdict
from tunewright.reporting.figures import METHOD_WORDS, breakable, interval, method_words
from tunewright.reporting.page import render_page
from tunewright.reporting.templating import read_template

HEADINGS = [
    "Verdict",
    "Scores beside the baselines",
    "Train, validation and test",
    "Training",
    "Data",
    "What was dropped or changed",
    "What is taken for what",
    "Class by class",
    "Worst errors",
    "Provenance",
    "Recipe",
]
VOID = {"wbr", "meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """The page's elements, texts and headings; it fails where tags do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.headings: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs)), f"an attribute twice in <{tag}>"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "h2":
            self.headings.append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open or "script" in self.open:
            return
        self.text += data
        if "h2" in self.open:
            self.headings[-1] += data


def svgs(html: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def test_every_page_is_well_formed_and_in_order(story):
    page = Page(render_page(story))
    assert [heading.split("  ")[0].split(" ✓")[0].strip() for heading in page.headings][1:] == HEADINGS[1:]
    assert page.headings[0].startswith("Verdict")


def test_no_page_refers_to_anything_outside_itself(story):
    html = render_page(story)
    for tag, attributes in Page(html).elements:
        assert tag not in {
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "video",
            "audio",
            "source",
            "use",
            "image",
        }
        for name, value in attributes.items():
            if name in {"src", "href", "xlink:href", "action", "srcset", "poster", "data"}:
                assert value is not None
                assert value.startswith(("#", "data:,")), f"<{tag} {name}={value!r}>"
            assert not name.startswith("on"), f"<{tag} {name}>"
            assert "url(" not in (value or "") or tag not in {"style", "div", "span", "i", "b"}
    assert not re.search(r"url\(|@import|@font-face", read_template("page.css"))


def test_no_number_is_ever_shown_as_nan_or_none(story):
    html = render_page(story)
    shown = Page(html).text
    assert not re.search(r"\b(nan|None|inf)\b", shown)
    for tag, attributes in Page(html).elements:
        for name, value in attributes.items():
            assert not re.search(r"\b(nan|None|inf)\b", value or ""), (tag, name, value)


def test_ids_are_unique_and_every_link_has_its_target(story):
    elements = Page(render_page(story)).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for tag, attributes in elements if tag == "a"}
    assert targets <= set(ids)


def test_every_drawing_is_well_formed_and_has_words(story):
    for drawing in svgs(render_page(story)):
        texts = [drawing.find(f"{{http://www.w3.org/2000/svg}}{name}") for name in ("title", "desc")]
        assert all(part is not None and part.text for part in texts)
        assert drawing.get("aria-labelledby") == " ".join(part.get("id") for part in texts)


def test_hostile_texts_are_shown_as_they_are_and_do_nothing():
    story = hostile_story()
    page = Page(render_page(story))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [a for _, attributes in page.elements for a in attributes if a.startswith("on")]
    for text in HOSTILE[:4]:
        assert text in page.text
    assert "\x00" not in page.text
    assert "\x1b" not in page.text


def test_the_policy_forbids_all_but_the_pages_own_script_and_styles():
    html = render_page(make_story())
    (policy,) = (a["content"] for tag, a in Page(html).elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-")
    assert "script-src 'unsafe-inline'" not in policy
    assert html.index("Content-Security-Policy") < html.index("<style>")


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("ship", "✓ Ship"), ("dont_ship", "✕ Don’t ship"), ("not_enough_evidence", "? Not enough evidence")],
)
def test_the_verdict_comes_first_in_words_and_with_a_sign_not_by_colour_alone(verdict, words):
    story = make_story()
    page = Page(render_page(replace(story, gate=replace(story.gate, verdict=Verdict(verdict)))))
    assert " ".join(page.headings[0].split()) == f"Verdict {words}"
    for outcome in story.gate.outcomes:
        assert page.text.index(outcome.condition) < page.text.index("Scores beside the baselines")
        assert outcome.found in page.text


def test_the_tuned_row_stands_out_beside_its_baselines_with_interval_and_p():
    html = render_page(make_story())
    row = re.search(r'<tr class="tuned">(.*?)</tr>', html, re.DOTALL)
    assert row
    assert html.count('<tr class="tuned">') == 1
    text = " ".join(Page(html).text.split())
    assert "TF-IDF + logistic regression 1,200 0.808 0.788–0.826" in text
    assert "0.0021" in text


def test_up_to_twenty_labels_the_matrix_carries_names_and_above_it_does_not():
    named, bare = render_page(make_story(20)), render_page(make_story(21))
    assert 'class="matrix named scroll"' in named
    assert 'class="matrix scroll"' in bare
    (matrix,) = (d for d in svgs(bare) if d.get("aria-labelledby", "").startswith("confusion"))
    assert not list(matrix.iter("{http://www.w3.org/2000/svg}text"))


def test_what_is_unknown_is_said_with_its_reason():
    text = Page(render_page(gappy_story())).text
    assert "unknown" in text
    html = render_page(empty_story())
    assert 'title="no test row"' in html
    for sentence in (
        "No step was recorded.",
        "No confusion was counted.",
        "No class was scored.",
        "No error is listed.",
    ):
        assert sentence in html


def test_the_same_story_gives_the_same_bytes():
    assert render_page(make_story()) == render_page(make_story())


def test_a_long_text_is_cut():
    story = make_story()
    error = replace(story.errors[0], text="word " * 5000)
    assert len(render_page(replace(story, errors=(error,)))) < len(render_page(story)) + 1000


def test_a_long_label_may_break_after_an_underscore_and_is_escaped() -> None:
    assert str(breakable("card_<b>_fee")) == "card_<wbr>&lt;b&gt;_<wbr>fee"


def words_of(html: str) -> str:
    """What a reader sees, but for the recipe and the settings, which are in the machine's words."""
    return " ".join(Page(re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)).text.split())


def test_metrics_and_methods_are_called_by_their_names_in_words():
    text = words_of(render_page(make_story()))
    assert "macro F1: bootstrap (the test rows are drawn anew many times" in text
    assert "accuracy: Wilson’s interval of a share" in text
    assert not re.search(r"macro_f1|bootstrap-|unseen-outcomes|approximate-randomisation|mcnemar-exact", text)
    assert "macro F1The mean of the classes’ F1" in text, "a newcomer finds out what the words mean"


def test_every_method_that_the_evaluation_names_has_words():
    found = set(METHOD_WORDS)
    assert method_words(found - {"wilson"}).count("bootstrap (") == 1, "the widened method speaks for the plain one"
    source = "".join(path.read_text() for path in Path(evaluation.__file__).parent.glob("*.py"))
    named = set(re.findall(r'"(wilson(?:-clustered)?|bootstrap-[a-z-]+|\+?unseen-outcomes)"', source))
    assert {name for name in named if not name.startswith("+")} <= found


def test_no_system_title_is_cut_in_a_drawing():
    story = make_story()
    title = "an-organisation/a-base-with-quite-a-name, untuned + linear probe"
    systems = tuple(replace(s, title=title) if s.role == "base" else s for s in story.results.systems)
    html = render_page(replace(story, results=replace(story.results, systems=systems)))
    drawing = next(d for d in svgs(html) if d.get("aria-labelledby", "").startswith("scores-"))
    lines = [t.text or "" for t in drawing.iter("{http://www.w3.org/2000/svg}text") if "name" in t.get("class", "")]
    assert title.replace(" ", "") in "".join(lines).replace(" ", "")
    assert max(map(len, lines)) <= 38
    ys = [float(t.get("y", 0)) for t in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert max(ys) <= float(drawing.get("viewBox", "").split()[3])


def test_labels_beside_the_matrix_are_written_in_full_up_to_24_letters():
    story = make_story(3)
    longest = "cancel_my_subscription_n"
    labels = (longest, *story.profile.labels[1:])
    systems = tuple(
        replace(s, per_class=tuple(replace(c, label=new) for c, new in zip(s.per_class, labels, strict=True)))
        for s in story.results.systems
    )
    html = render_page(replace(story, results=replace(story.results, systems=systems)))
    matrix = next(d for d in svgs(html) if d.get("aria-labelledby", "").startswith("confusion"))
    written = [t.text for t in matrix.iter("{http://www.w3.org/2000/svg}text")]
    assert written.count(longest) == 2, "as a true and as a predicted class"


def test_the_length_of_the_training_is_said_in_rounded_words():
    story = make_story(steps=20)
    steps = (*story.steps[:-1], replace(story.steps[-1], epoch=0.8727))
    text = words_of(render_page(replace(story, steps=steps, ending="all steps done")))
    assert "20 steps over 0.87 epochs: 640 examples seen. Training ended (all steps done)." in text
    assert "Training ended" not in words_of(render_page(story))


def test_samples_of_a_rule_are_not_taken_for_all_its_rows():
    text = words_of(render_page(make_story()))
    assert "exact duplicate: 214 rows dropped, 1 shown" in text


def test_a_minus_is_a_minus_and_no_dash():
    assert interval(Estimate(0.1, -0.07, 0.2, 9)) == "\N{MINUS SIGN}0.070 to 0.200"
    assert interval(Estimate(0.1, -0.07, 0.2, 9), "-") == "-0.070 to 0.200", "the console is plain"
