"""What the recipe may say of augmentation, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tunewright.recipe.augment import AugmentSpec, method_name, thesaurus_files

NEAR = {"kind": "embeddings"}
FILE = {"kind": "thesaurus", "file": "words.csv"}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"methods": []}, "at least 1 item"),
        ({"methods": [{"kind": "shuffle"}]}, "shuffle"),
        ({"methods": [{"kind": "swap"}, {"kind": "swap", "rate": 0.2}]}, "'swap' more than once"),
        ({"methods": [{"kind": "synonyms"}]}, "words"),
        ({"methods": [{"kind": "swap", "rate": 0.0}]}, "greater than 0"),
        ({"methods": [{"kind": "swap"}], "similarity": {"least": 0.9, "most": 0.9}}, "no text would be between"),
        ({"methods": [{"kind": "paraphrase", "model": "m", "prompt": "again"}]}, "pattern"),
        ({"methods": [{"kind": "paraphrase_endpoint", "model": "m", "url": "ftp://host/v1"}]}, "pattern"),
        ({"methods": [{"kind": "paraphrase_endpoint", "model": "m", "url": "https://me:pw@host/v1"}]}, "pattern"),
        ({"methods": [{"kind": "paraphrase_endpoint", "model": "m", "url": "http://host", "key": "sk-12"}]}, "pattern"),
    ],
)
def test_what_means_nothing_is_refused_in_words(spec: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AugmentSpec.model_validate(spec)


def test_words_of_two_sources_are_two_methods() -> None:
    methods = [{"kind": "synonyms", "words": NEAR}, {"kind": "synonyms", "words": FILE}, {"kind": "swap"}]
    spec = AugmentSpec.model_validate({"methods": methods})
    assert list(map(method_name, spec.methods)) == ["synonyms_embeddings", "synonyms_thesaurus", "swap"]
    assert thesaurus_files(spec) == ("words.csv",)
    assert thesaurus_files(None) == ()
