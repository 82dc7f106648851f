"""A page in a real browser, for the tests of pages: what it says on its console, what a probe sees in it."""

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

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")
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
