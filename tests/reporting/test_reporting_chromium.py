"""The page in a real browser: nothing on its console, no request, no sideways scrolling, and sorting that works."""

from __future__ import annotations

import pytest
from browser_room import browse, console_messages, found, needs_browser
from reporting_stories import hostile_story, make_story
from text_stories import hostile_text_story, text_story

from tunewright.reporting.page import render_page

pytestmark = [needs_browser, pytest.mark.timeout(180)]

STORIES = {
    "77 labels": lambda: make_story(77, n=3080, steps=2000),
    "hostile": hostile_story,
    "texts": text_story,
    "hostile texts": hostile_text_story,
}


@pytest.fixture(params=STORIES)
def page(request, tmp_path):
    story = STORIES[request.param]()
    path = tmp_path / "report.html"
    path.write_text(render_page(story), encoding="utf-8")
    return path


def test_the_page_says_nothing_on_the_console(page):
    done = browse(page, "--screenshot=" + str(page.parent / "shot.png"), "--window-size=1200,2000")
    assert console_messages(done.stderr) == []
    assert (page.parent / "shot.png").stat().st_size > 20_000


@pytest.mark.parametrize("width", [1200, 400])
def test_the_page_never_scrolls_sideways_loads_nothing_and_sorts(page, width):
    seen = found(page, width)
    assert seen["wide"] <= seen["view"] == width
    assert seen["requests"] == []
    up, down = ([int(n) for n in seen[order].split(",") if n] for order in ("up", "down"))
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert seen["title"] not in {"owned", "1"}, "a label ran as a script"


def test_the_policy_would_stop_a_script_that_got_into_the_page(tmp_path):
    """The check of the check: an injected script and image are reported, so that silence above means something."""
    path = tmp_path / "report.html"
    injected = "<script>document.title='owned'</script><img src='http://example.com/x.png'>"
    path.write_text(render_page(make_story()).replace("</main>", f"{injected}</main>"), encoding="utf-8")
    done = browse(path, "--dump-dom")
    assert len(console_messages(done.stderr)) >= 2
    assert "<title>owned" not in done.stdout
