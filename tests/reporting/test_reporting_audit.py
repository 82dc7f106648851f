"""The page of an audit: everything that was found stands there, escaped, and in a browser it is quiet and fits."""

from __future__ import annotations

import re

import pytest
from audit_pages import AUDITS, bare_audit, hostile_audit, whole_audit
from browser_room import browse, console_messages, found, needs_browser

from tunewright.reporting.audit_page import places, render_audit


@pytest.fixture(params=AUDITS)
def audit(request):
    return AUDITS[request.param]()


def test_every_finding_stands_there_with_severity_count_places_and_remedy(audit):
    page = render_audit(audit)
    for finding in audit.findings:
        assert finding.kind.replace("_", " ") in page
        for _, lines in places(finding):
            assert all(line in page for line in lines)
    assert page.count('class="tag error"') == len(audit.of("error")) + len(audit.faults)
    assert page.count('class="tag warning"') == len(audit.of("warning"))


def test_errors_stand_before_warnings_and_these_before_notes():
    page = render_audit(whole_audit())
    first = [page.index(f'class="tag {severity}"') for severity in ("error", "warning", "note")]
    assert first == sorted(first)
    assert page.index('id="findings"') < page.index('id="labels"') < page.index('id="columns"')


def test_names_of_the_page_are_unique_and_links_lead_somewhere(audit):
    page = render_audit(audit)
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(names)


def test_nothing_of_the_data_becomes_markup():
    page = render_audit(hostile_audit())
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", page)


def test_an_unknown_is_told_and_no_empty_section_is_drawn():
    page = render_audit(bare_audit())
    assert "no sample of production was given" in page
    assert "Map of the texts" not in page
    assert "Rows by label" not in page
    assert "Rows by language" not in page


def test_languages_and_personal_data_are_drawn_where_they_are_known():
    page = render_audit(whole_audit())
    assert "Rows by language" in page
    assert "Personal data and secrets" in page


def test_a_point_of_the_map_says_its_text_and_rare_labels_share_a_colour():
    page = render_audit(whole_audit())
    assert page.count("<circle") == 120
    assert "other labels" in page
    assert "t-SNE" in page


@needs_browser
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("name", "width"), [("whole", 1200), ("whole", 400), ("hostile", 400)])
def test_in_a_browser_the_page_is_quiet_fits_and_sorts(name, width, tmp_path):
    path = tmp_path / "audit.html"
    path.write_text(render_audit(AUDITS[name]()), encoding="utf-8")
    seen = found(path, width)
    assert seen["wide"] <= seen["view"] == width
    assert seen["requests"] == []
    assert seen["title"].startswith("Audit of")
    done = browse(path, "--screenshot=" + str(tmp_path / "shot.png"), f"--window-size={max(width, 500)},2000")
    assert console_messages(done.stderr) == []
