from __future__ import annotations

import json

from reporting_stories import hostile_story, make_story

from tunewright.core.codec import from_data, to_data
from tunewright.reporting.story import Story


def test_a_story_survives_being_written_as_json():
    for story in (make_story(), hostile_story()):
        assert from_data(Story, json.loads(json.dumps(to_data(story))), place="story.json") == story
