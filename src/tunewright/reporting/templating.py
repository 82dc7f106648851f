"""Templates from the package's own files. Every expression is cleaned and escaped unless it is `Markup` already."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from tunewright.reporting.svg import clean

if TYPE_CHECKING:
    from collections.abc import Callable


def read_template(name: str) -> str:
    """The text of a file under `templates/`."""
    return resources.files("tunewright.reporting").joinpath("templates", name).read_text(encoding="utf-8")


def html_environment() -> Environment:
    """For HTML: autoescape on, unknown names refused, characters that XML forbids replaced."""
    return Environment(
        loader=FunctionLoader(read_template),
        autoescape=True,
        finalize=_cleaned,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def markdown_environment(escape: Callable[[Any], Any]) -> Environment:
    """For Markdown: `escape` is applied to the value of every expression, so that none can be forgotten."""
    return Environment(
        loader=FunctionLoader(read_template),
        autoescape=False,  # noqa: S701  # Markdown, where `escape` does the escaping
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _cleaned(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
