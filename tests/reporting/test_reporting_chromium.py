"""The page in a real browser: nothing on its console, no request, no sideways scrolling, and sorting that works."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
import subprocess

import pytest
from reporting_stories import hostile_story, make_story
from text_stories import hostile_text_story, text_story

from tunewright.reporting.page import render_page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH"),
    pytest.mark.timeout(180),
]
PROBE = """
addEventListener("load", () => {
  const rows = () => [...document.querySelectorAll("table.sortable tbody tr")];
  const column = () => rows().map((row) => row.cells[1].dataset.value).join();
  const button = document.querySelectorAll("table.sortable thead button")[1];
  button?.click();
  const up = column();
  button?.click();
  parent.postMessage(JSON.stringify({
    title: document.title, wide: document.documentElement.scrollWidth, view: innerWidth, up, down: column(),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
  }), "*");
});
"""
FRAME = """<!DOCTYPE html><script>
addEventListener("message", (event) => { document.documentElement.dataset.found = event.data; });
</script><iframe src="probed.html" style="border:0;width:%dpx;height:900px"></iframe>"""
"""A frame gives the page any width; a browser window is 500 pixels wide at least."""


def browse(page, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the browser on a file with its own profile, no resolver and everything it says on stderr."""
    command = [BROWSER, "--headless=new", "--disable-gpu", "--no-first-run", "--enable-logging=stderr", "--v=0"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={page.parent / 'profile'}"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to run as root with its sandbox
    return subprocess.run(
        [*command, *arguments, page.as_uri()], capture_output=True, text=True, check=True, timeout=150
    )


def console_messages(log: str) -> list[str]:
    return [line for line in log.splitlines() if "CONSOLE" in line or "Content Security Policy" in line]


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


def found(page, width: int) -> dict:
    """What a script of the test's own sees in the page; the page's policy is loosened for that script alone."""
    text = page.read_text(encoding="utf-8")
    allowed = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{allowed}' ", 1)
    text = text.replace("</body>", f"<script>{PROBE}</script></body>")
    probed = page.with_name("probed.html")
    probed.write_text(text, encoding="utf-8")
    frame = page.with_name("frame.html")
    frame.write_text(FRAME % width, encoding="utf-8")
    done = browse(frame, "--dump-dom", "--virtual-time-budget=3000", "--window-size=1300,1000")
    assert console_messages(done.stderr) == []
    match = re.search(r'data-found="([^"]*)"', done.stdout)
    assert match, "the probe did not run"
    return json.loads(html.unescape(match.group(1)))


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
