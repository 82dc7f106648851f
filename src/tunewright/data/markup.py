"""Remnants of HTML and Markdown in a text, and the text without them."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from html.entities import html5
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG = re.compile(
    r"<!--|-->|<!(?:doctype|DOCTYPE)[^<>]*>|<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)(?P<attributes>\s[^<>]*)?/?>"
)
"""Each `<` is looked at as far as the next `<` or `>`: the time is linear in the length of the text."""
_ATTRIBUTE = re.compile(r"\s[A-Za-z][\w:-]*\s*=\s*[\"']?\S")
_ENTITY = re.compile(r"&(?:amp;)*(?P<body>#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_BLANK = "\u00a0"


@cache
def _names() -> Mapping[str, frozenset[str]]:
    """Kind to the names of the elements of HTML that are of it."""
    held = json.loads(files("tunewright.data").joinpath("markup.json").read_text(encoding="utf-8"))
    return {kind: frozenset(names) for kind, names in held.items()}


@cache
def _elements() -> frozenset[str]:
    return frozenset().union(*_names().values())


def without_html(text: str) -> str:
    """The text without tags, comments and entities of HTML; a block begins on a line of its own.

    Tags go where the text is HTML without doubt: a known element is opened and closed, bears an attribute, or is one
    that stands alone, such as `<br>`. Other angle brackets stay, and so does what stands in the quotation of code.
    """
    if "<" not in text and "&" not in text:
        return text
    parts = _CODE.split(text) if "`" in text else [text]
    parts[::2] = [_without_entities(_without_tags(part)) for part in parts[::2]]
    return "".join(parts)


def _without_entities(text: str) -> str:
    return _ENTITY.sub(_resolved, text) if "&" in text else text


def _resolved(found: re.Match[str]) -> str:
    body = found["body"]
    if not body.startswith("#") and f"{body};" not in html5:
        return found[0]
    return html.unescape(f"&{body};").replace(_BLANK, " ")


def _without_tags(text: str) -> str:
    """The text without its tags, if they are of HTML."""
    if "<" not in text:
        return text
    tags = list(_TAG.finditer(text))
    if not _is_html(text, tags):
        return text
    paired = _paired(tags)
    last_end = {str(tag["name"]).lower(): tag.start() for tag in tags if tag["end"]}
    comment_end = max((tag.start() for tag in tags if tag[0] == "-->"), default=-1)
    out: list[str] = []
    at, hidden = 0, ""
    for tag in tags:
        name = str(tag["name"] or "").lower()
        if hidden:  # what stands in a comment, a script or a style is no text
            if (tag[0] == hidden) or (tag["end"] and name == hidden):
                at, hidden = tag.end(), ""
            continue
        if not _goes(text, tag, paired):
            continue
        if tag.start() > at:
            out.append(text[at : tag.start()])
        _part(out, name)
        at = tag.end()
        if tag[0] == "<!--" and comment_end > tag.start():
            hidden = "-->"
        elif name in _names()["hidden"] and not tag["end"] and last_end.get(name, -1) > tag.start():
            hidden = name
    rest = text[at:]
    if not rest.strip() and out and out[-1] in {"\n", " "}:
        out.pop()  # behind the last block there is no line to begin
    return "".join([*out, rest])


def _is_html(text: str, tags: list[re.Match[str]]) -> bool:
    """Whether the text is HTML without doubt. An element of another name that is closed makes it another language."""
    names = _elements()
    if any(tag["end"] and tag["name"].lower() not in names for tag in tags if tag["name"]):
        return False
    paired = _paired(tags)
    return any(
        tag[0] == "<!--"
        or (tag["name"] or "").lower() in paired
        or ((tag["name"] or "").lower() in _names()["lone"] and not _is_argument(text, tag))
        or ((tag["name"] or "").lower() in names and _ATTRIBUTE.match(tag["attributes"] or ""))
        for tag in tags
    )


def _paired(tags: list[re.Match[str]]) -> frozenset[str]:
    """Elements that are both opened and closed."""
    opened = {tag["name"].lower() for tag in tags if tag["name"] and not tag["end"]}
    return frozenset(opened & {tag["name"].lower() for tag in tags if tag["name"] and tag["end"]} & _elements())


def _is_argument(text: str, tag: re.Match[str]) -> bool:
    """Whether a tag stands like the type in `vector<p>`: behind a name, and before what no sentence begins with."""
    before, after = text[tag.start() - 1 : tag.start()], text[tag.end() : tag.end() + 1]
    return tag["name"].lower() == "p" and (before.isalnum() or before == "_") and not (after.isalnum() or after == "<")


def _goes(text: str, tag: re.Match[str], paired: frozenset[str]) -> bool:
    """Whether a tag of a text that is HTML is one: a name behind a letter, such as in `List<Object>`, is none."""
    if tag["name"] is None:
        return True
    name = tag["name"].lower()
    if name not in _elements():
        return False
    behind_letter = text[tag.start() - 1 : tag.start()].isalnum() if tag.start() else False
    sure = name in paired or name in _names()["block"] or bool(tag["attributes"]) or bool(tag["end"])
    return sure or not behind_letter


def _part(out: list[str], name: str) -> None:
    """What stands in a tag's place: a line break for a block, a blank for a cell, nothing inside a line."""
    written = out[-1] if out else ""
    if name in _names()["block"]:
        if written and not written.endswith("\n"):
            out.append("\n")
    elif name in _names()["cell"] and written and not written[-1].isspace():
        out.append(" ")


_FENCE = re.compile(r"^[ \t]{0,3}(?:```|~~~)[^\n`]*$\n?", re.MULTILINE)
_HEADING = re.compile(r"^[ ]{0,3}#{1,6}[ \t]+(?=\S)", re.MULTILINE)
_QUOTE = re.compile(r"^[ ]{0,3}>[> ]*", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\((?:[^()\s\"]{1,1000})(?:[ ]\"[^\"\n]{0,500}\")?\)")
_EMPHASIS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\*\*(?=[^\s*])([^*\n]{1,500})(?<=[^\s*])\*\*",
        r"~~(?=[^\s~])([^~\n]{1,500})(?<=[^\s~])~~",
        r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,500})(?<=[^\s*])\*(?![\w*])",
        r"(?<![\w_])_(?=[^\s_])([^_\n]{1,500})(?<=[^\s_])_(?![\w_])",
        r"(?<!`)`(?=[^`])([^`\n]{1,500})`(?!`)",
    )
)


def without_markdown(text: str) -> str:
    """The text without Markdown's marks of headings, quotations, emphasis and code; a link gives way to its text."""
    text = _QUOTE.sub("", _HEADING.sub("", _FENCE.sub("", text)))
    text = _LINK.sub(r"\1", text)
    for pattern in _EMPHASIS:
        text = pattern.sub(r"\1", text)
    return text
