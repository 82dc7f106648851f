"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from markupsafe import Markup

from tunewright.core.titles import metric_title
from tunewright.evaluation.clean_reading import clean_reading
from tunewright.reporting import figures, sections, texts
from tunewright.reporting.templating import html_environment, read_template

if TYPE_CHECKING:
    from jinja2 import Environment

    from tunewright.reporting.story import Story


def render_page(story: Story) -> str:
    """One self-contained HTML document tells the story, verdict first; opening it makes no network request.

    All texts are escaped; beside that, the content security policy allows no script but the page's own, by its hash.
    """
    script = read_template("page.js")
    results = story.results
    context = {
        "story": story,
        "script": Markup(script),  # noqa: S704  # the package's own file
        "style": Markup(read_template("page.css")),  # noqa: S704  # the package's own file
        "policy": page_policy(script),
        "facts": sections.facts(story),
        "scores": sections.scores(story),
        "gap": sections.gap(story),
        "training": sections.training(story),
        "data": sections.data(story.profile),
        "confusion": sections.confusion(results),
        "classes": sections.classes(results),
        "resolved": sections.resolved(story),
        "of_texts": texts.of_texts(results),
        "rows_scored": texts.rows_scored(results) if texts.of_texts(results) else "",
        "meanings": texts.meanings(results),
        "retention": texts.retention(results),
        "clean_part": clean_reading(results) if results.clean_part else "",
        "slices": sections.slices(results),
        "earlier_test": texts.earlier_test(results),
        "progress": texts.progress(story),
        "why": texts.WHY,
        "comparisons": texts.comparisons(results),
        "side": texts.side,
    }
    return page_environment().get_template("page.html.j2").render(context)


def page_policy(script: str) -> str:
    """The content security policy that lets this script run and nothing else, and reaches nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def page_environment() -> Environment:
    """The templates with the filters that every page has."""
    environment = html_environment()
    environment.filters.update(
        score=figures.score,
        interval=figures.interval,
        signed=figures.signed,
        p_value=figures.p_value,
        number=figures.count,
        quantity=figures.quantity,
        metric=metric_title,
        level=figures.level,
        epochs=figures.epochs,
        moment=figures.moment,
        excerpt=figures.excerpt,
        breakable=figures.breakable,
    )
    environment.globals.update(
        share=figures.share,
        known=figures.known,
        verdict_words=figures.VERDICT_WORDS,
        outcome_words=figures.OUTCOME_WORDS,
    )
    return environment
