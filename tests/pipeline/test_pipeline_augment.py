"""A run whose training rows are augmented, from the recipe to the report, and what check says of it beforehand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from pipeline_room import built, folder, run_stage

import tunewright
from served_model import serving
from tiny_models import EOS, tiny_model
from tiny_room import LABELS, lay_out
from tunewright.core.errors import RecipeError
from tunewright.data.store import read_profile, read_split
from tunewright.pipeline import augmenting
from tunewright.pipeline.augmenting import augment_inputs
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.recipe.load import load_recipe
from tunewright.training import settings

if TYPE_CHECKING:
    from pathlib import Path

EDA = [{"kind": "deletion"}, {"kind": "swap", "share": 0.5}]


def augment(methods: list[dict[str, Any]], **spec: Any) -> str:
    return f"data.augment={json.dumps({'methods': methods, **spec})}"


@pytest.fixture(scope="module")
def project(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("augmented")
    lay_out(where, bert, rows=90, epochs=1.0)
    tunewright.run(where / "recipe.yaml", [augment(EDA)])
    return where


def test_the_report_and_the_card_say_what_was_made(project: Path) -> None:
    profile = read_profile(folder(project) / "data")
    assert [one.method for one in profile.augmented] == ["deletion", "swap"]
    added = sum(one.rows for one in profile.augmented)
    assert added > 50
    page = (folder(project) / "report" / "report.html").read_text(encoding="utf-8")
    table = page.partition("Training rows that were made")[2].partition("</table>")[0]
    for one in profile.augmented:
        cells = f'<td class="num">{one.made}</td><td class="num">{one.rows}</td>'
        assert f'<th scope="row">{one.method}</th>{cells}' in table
    card = (folder(project) / "report" / "README.md").read_text(encoding="utf-8")
    assert f"Of these, {added} were made of training rows: {profile.augmented[0].rows} by deletion" in card


def test_training_sees_the_new_rows_and_nothing_else_does(project: Path) -> None:
    data = folder(project) / "data"
    profile, train = read_profile(data), read_split(data, "train")
    added = sum(one.rows for one in profile.augmented)
    made = train.filter(pl.col("meta").str.contains("__derived__"))
    assert made.height == added
    assert profile.read == 90 + added
    for name in ("validation", "test"):
        rows = read_split(data, name)
        assert not rows["meta"].str.contains("__derived__").any()
        assert not set(rows["content_key"]) & set(train["content_key"])
    gap = json.loads((folder(project) / "evaluation" / "results.json").read_text())["gap"]
    assert gap["train"]["n"] == train.height - added
    tried = pl.read_parquet(data / "augmented.parquet")
    assert tried.filter(pl.col("refused").is_null()).height == added
    assert set(made["row_id"]) <= set(tried["row_id"])


def test_the_same_recipe_makes_the_same_rows_and_another_seed_others(project: Path) -> None:
    assert built(project, augment(EDA)) == ()
    rows = read_split(folder(project) / "data", "train")
    run_stage(project, ["prepare"], [augment(EDA), "name=again"])
    run_stage(project, ["prepare"], [augment(EDA), "name=other", "seed=5"])
    again, other = (read_split(project / "runs" / name / "data", "train") for name in ("again", "other"))
    assert again.equals(rows)
    assert not other["input"].equals(rows["input"])


def test_another_file_of_synonyms_makes_the_data_anew(project: Path) -> None:
    methods = [{"kind": "insertion", "words": {"kind": "thesaurus", "file": "words.json"}}]
    (project / "words.json").write_text(json.dumps({"hello": ["goodbye"]}), encoding="utf-8")
    first = run_stage(project, ["prepare"], [augment(methods), "name=words"])
    again = run_stage(project, ["prepare"], [augment(methods), "name=words"])
    (project / "words.json").write_text(json.dumps({"hello": ["hi"]}), encoding="utf-8")
    changed = run_stage(project, ["prepare"], [augment(methods), "name=words"])
    assert [done["prepare"].skipped for done in (first, again, changed)] == [False, True, False]
    kinds = {finding.kind for finding in read_profile(project / "runs" / "words" / "data").findings}
    assert "augment_nothing" in kinds


def test_what_models_run_on_is_in_the_key_where_models_run(
    project: Path, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = {"kind": "synonyms", "words": {"kind": "embeddings", "model": str(bert)}}
    plain, asked = (Context(load_recipe(project / "recipe.yaml", [augment(each)])) for each in (EDA, [near]))
    before = [augment_inputs(context) for context in (plain, asked)]
    monkeypatch.setattr(settings, "pick_device", lambda: "another")
    assert [augment_inputs(plain) == before[0], augment_inputs(asked) == before[1]] == [True, False]
    before = [augment_inputs(context) for context in (plain, asked)]
    monkeypatch.setattr(augmenting, "LIBRARIES", {**augmenting.LIBRARIES, "scikit-learn": "0.0.1"})
    assert [augment_inputs(plain) == before[0], augment_inputs(asked) == before[1]] == [False, False]
    other = Context(load_recipe(project / "recipe.yaml"))
    assert augment_inputs(other) is None


def faults(project: Path, methods: list[dict[str, Any]], **spec: Any) -> str:
    checked = check_recipe(project / "recipe.yaml", [augment(methods, **spec)])
    return "\n".join(f"{fault.exit_code} {fault.problem}" for fault in checked.faults)


def test_check_refuses_models_that_cannot_do_what_they_are_named_for(project: Path, bert: Path) -> None:
    masked = {"kind": "synonyms", "words": {"kind": "masked"}}
    told = faults(project, [masked])
    assert told.startswith("2 data.augment.methods.0.words.model: ")
    assert "lacks the masked language head" in told
    told = faults(project, [{"kind": "back_translation", "there": str(bert), "back": "nowhere at all"}])
    assert "methods.0.there: bert, which has no seq2seq language head" in told
    assert "methods.0.back: 'nowhere at all' is no folder and no hub name" in told
    assert "absent.csv" in faults(project, [{**masked, "words": {"kind": "thesaurus", "file": "absent.csv"}}])
    assert faults(project, EDA) == ""


def test_prepare_refuses_a_base_without_the_head_too(project: Path) -> None:
    methods = [{"kind": "synonyms", "words": {"kind": "masked"}}]
    with pytest.raises(RecipeError, match="lacks the masked language head"):
        run_stage(project, ["prepare"], [augment(methods), "name=headless"])


def test_a_task_without_labels_is_not_augmented(project: Path) -> None:
    with pytest.raises(RecipeError, match="texts that are classified alone"):
        check_recipe(project / "recipe.yaml", [augment(EDA), "task=language_modelling"])


def test_translators_and_a_model_that_is_asked_make_rows(project: Path, tmp_path: Path) -> None:
    """Tiny models of random weights: what they write is noise, and every text of it is accounted for."""
    for name in ("there", "back"):
        _ending(tiny_model("marian", tmp_path / name))
    tiny_model("llama", tmp_path / "asked")
    sampling = {"max_new_tokens": 24}
    models = {name: str(tmp_path / name) for name in ("there", "back")}
    methods = [
        {"kind": "back_translation", **models, "sampling": sampling, "share": 0.3},
        {
            "kind": "paraphrase",
            "model": str(tmp_path / "asked"),
            "prompt": "{text}",
            "sampling": sampling,
            "share": 0.1,
        },
    ]
    overrides = [augment(methods, agreement=False), "name=rewritten", "data.overlength=truncate"]
    assert faults(project, methods) == ""
    run_stage(project, ["prepare"], overrides)
    translated, asked = read_profile(project / "runs" / "rewritten" / "data").augmented
    assert translated.rows > 0
    assert set(translated.kept) <= set(LABELS)
    for one in (translated, asked):
        assert one.made == one.rows + sum(one.refused.values()) > 0


def test_a_served_model_makes_rows_and_check_warns_and_sends_nothing(project: Path) -> None:
    with serving() as served:
        method = {"kind": "paraphrase_endpoint", "url": served.url, "model": "m", "prompt": "say {text}", "share": 0.3}
        overrides = [augment([method], agreement=False), "name=served", "data.overlength=truncate"]
        told = check_recipe(project / "recipe.yaml", overrides)
        assert told.faults == ()
        (warning,) = (finding for finding in told.findings if finding.kind == "augment_sends_texts")
        assert served.url in warning.message
        assert served.asked == []
        run_stage(project, ["prepare"], overrides)
        (made,) = read_profile(project / "runs" / "served" / "data").augmented
        assert made.rows > 0
        asked = len(served.asked)
        assert asked > 0
        run_stage(project, ["prepare"], [*overrides, "data.augment.per_class=1000"])
        assert len(served.asked) == asked, "the same questions are answered from what is kept"


def _ending(where: Path) -> None:
    """The model ends its texts after some words: without a bias, weights drawn at random seldom do."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForSeq2SeqLM  # noqa: PLC0415

    model = AutoModelForSeq2SeqLM.from_pretrained(where)
    with torch.no_grad():
        model.final_logits_bias[0, EOS] = 4.0
    model.save_pretrained(where)
