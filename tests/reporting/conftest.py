"""The stories that every reader of a story is tried on."""

from __future__ import annotations

import pytest
from reporting_stories import empty_story, gappy_story, hostile_story, make_story

STORIES = {
    "10 labels": lambda: make_story(10),
    "77 labels": lambda: make_story(77, n=3080, steps=2000),
    "hostile": hostile_story,
    "empty": empty_story,
    "gappy": gappy_story,
}


@pytest.fixture(params=STORIES)
def story(request):
    return STORIES[request.param]()
