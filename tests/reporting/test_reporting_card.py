from __future__ import annotations

import re
from dataclasses import replace

import pytest
from reporting_stories import HOSTILE, empty_story, hostile_story, make_story

from tunewright.reporting.card import escaped, model_card
from tunewright.reporting.story import Right

hub = pytest.importorskip("huggingface_hub")


def metadata(story):
    return hub.ModelCard(model_card(story)).data


def test_every_card_has_metadata_that_the_hubs_own_client_reads_back(story):
    data = metadata(story)
    assert data.library_name == "transformers"
    assert data.pipeline_tag == "text-classification"
    assert "tunewright" in data.tags


def test_the_model_index_holds_the_test_results_of_the_tuned_model():
    story = make_story()
    tuned = story.results.systems[-1]
    found = {result.metric_name: result for result in metadata(story).eval_results}
    assert found["macro F1"].metric_type == "f1"
    assert found["macro F1"].metric_value == pytest.approx(tuned.metrics["macro_f1"].value, abs=1e-6)
    assert found["accuracy"].dataset_split == "test"
    assert {result.metric_type for result in found.values()} == set(metadata(story).metrics)


def test_what_is_unknown_is_left_out_of_the_metadata_and_called_unknown_in_the_text():
    data = metadata(empty_story())
    assert data.eval_results is None
    assert (data.license, data.base_model, data.metrics) == (None, None, None)
    assert "Licence: unknown" in model_card(empty_story())
    assert "unknown (no test row)" in model_card(empty_story())


def test_base_and_data_are_named_where_they_are_known():
    story = replace(make_story(), base_model_id="owner/base", data="hub:owner/rows")
    data = metadata(story)
    assert (data.base_model, data.datasets) == ("owner/base", "owner/rows")


def test_the_sections_come_in_order(story):
    headings = re.findall(r"^## (.*)$", model_card(story), re.MULTILINE)
    assert headings == [
        "Intended use",
        "Training data",
        "Results",
        "The gate",
        "Limitations",
        "How to load",
        "Provenance",
    ]


def test_every_row_of_a_table_has_as_many_cells_as_its_head(story):
    body = model_card(story).partition("\n---\n")[2]
    for table in re.findall(r"(?:^\|.*\n?)+", body, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, table


def test_hostile_texts_are_text_in_the_card():
    body = model_card(hostile_story()).partition("\n---\n")[2]
    assert "<script" not in body
    assert "<img" not in body
    assert "](javascript" not in body.replace("\\](javascript", "")
    assert "\x1b" not in body


@pytest.mark.parametrize("text", HOSTILE)
def test_an_escaped_text_is_one_line_without_markup(text):
    assert not re.search(r"[<>\n\x00\x1b]|(?<!\\)[|`*\[\]]", escaped(text))


def test_the_labels_and_the_weakest_classes_are_named():
    story = make_story(10)
    text = model_card(story)
    assert ", ".join(story.profile.labels) in text
    assert "Weakest classes by F1" in text
    assert "**pass**: macro F1 is better than that of the base." in text


def test_no_row_of_the_provenance_stands_twice():
    story = make_story()
    text = model_card(replace(story, provenance={"base": story.model, **story.provenance}))
    names = re.findall(r"^\| ([^|]+) \|", text.partition("## Provenance")[2], re.MULTILINE)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (None, "Personal data: unknown, nobody looked for it."),
        ({}, "Patterns found no personal data and no secrets"),
        ({"email": 1, "secret": 2}, "by patterns: 2 secrets, 1 e-mail address."),
    ],
)
def test_private_data_is_told_by_kind_and_unknown_is_not_none(counts, said):
    story = make_story()
    assert said in model_card(replace(story, profile=replace(story.profile, private=counts)))


def test_attribution_reaches_the_card_and_what_is_unknown_is_called_so():
    rights = (
        Right("owner/base", "Apache-2.0", "https://example.org", None, None),
        Right("rows.csv", None, None, "by its owner", "A. Author <a@example.org>"),
    )
    card = model_card(replace(make_story(), rights=rights))
    assert "| owner/base | Apache-2.0 | https://example.org | none named | none named |" in card
    assert "| rows.csv | unknown | unknown | by its owner | A. Author &lt;a@example.org&gt; |" in card
    assert "Licence of the base: Apache-2.0" in card
