"""All systems on the same prompts: what is scored, what is compared, what one is warned of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from text_cases import spoken, texts_given

from tunewright.core.codec import from_data, to_data
from tunewright.core.results import Results
from tunewright.evaluation.evaluate_texts import Beside, TextSystem, assemble_texts
from tunewright.evaluation.retention import retention
from tunewright.evaluation.score_texts import score_texts
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.texts import LIKELIHOOD
from tunewright.recipe.judge import EvaluationSpec

SPEC = EvaluationSpec(resamples=200)


def systems(n: int = 120, *, base_quality: float = 0.6):
    tuned, base = spoken(n, quality=0.9, seed=1), spoken(n, quality=base_quality, seed=2)
    looked_up = replace(base, nats_N=np.full(n, np.nan), stopped=(None,) * n)
    return [
        TextSystem("nearest_neighbour", "nearest neighbour", "baseline", looked_up),
        TextSystem("base", "starter, untuned", "base", base),
        TextSystem("tuned", "starter, tuned", "tuned", tuned),
    ]


def with_texts(given, of):
    """The systems with other predictions."""
    return [replace(system, predictions=of(system.predictions)) for system in given]


def assembled(given, *, task="generation", headline="bits_per_byte", **more) -> Results:
    return assemble_texts(given, task=task, headline=headline, spec=SPEC, seed=13, gap=None, **more)


def test_every_system_is_scored_and_the_tuned_one_compared_base_first() -> None:
    given = systems()
    results = assembled(given, compared=["bleu"])
    assert [s.name for s in results.systems] == ["nearest_neighbour", "base", "tuned"]
    assert [(c.against, c.metric) for c in results.comparisons] == [
        ("base", "bits_per_byte"),
        ("base", "bleu"),
        ("nearest_neighbour", "bits_per_byte"),
        ("nearest_neighbour", "bleu"),
    ]
    settings = ScoreSettings(resamples=200)
    alone = score_texts(given[2].predictions, name="tuned", title="starter, tuned", role="tuned", settings=settings)
    assert results.systems[2] == alone  # one system's numbers do not depend on the others
    unknown = results.comparisons[2]
    assert unknown.p_value is None
    assert unknown.reason
    assert (results.task, results.n, results.labels, results.warnings) == ("generation", 120, (), ())
    assert from_data(Results, to_data(results), place="test") == results


def test_language_modelling_has_likelihoods_alone() -> None:
    given = with_texts(systems()[1:], lambda rows: replace(rows, texts=(None,) * 120))
    results = assembled(given, task="language_modelling")
    assert all(tuple(system.metrics) == LIKELIHOOD for system in results.systems)
    assert results.warnings == ()
    with pytest.raises(ValueError, match="language_modelling has bits_per_byte"):
        assembled(given, task="language_modelling", compared=["chrf"])
    with pytest.raises(ValueError, match="accuracy"):
        assembled(given, headline="accuracy")


def test_retention_and_gap_are_handed_on() -> None:
    rows = spoken(20, quality=0.8, seed=3)
    kept = retention(rows, rows, settings=ScoreSettings(resamples=200))
    assert assembled(systems(), beside=Beside(retention=kept)).retention == kept


def test_a_reader_is_warned_of_what_makes_scores_misleading() -> None:
    def said(given) -> str:
        return " ".join(assembled(given).warnings)

    assert "only 30 prompts" in said(systems(30))
    assert "ended only" in said(systems(base_quality=0.2))
    assert "ended none of its texts by itself and wrote on to the limit, which" in said(systems(base_quality=0.0))
    assert "starter" not in said(systems())

    few = with_texts(systems(), lambda rows: replace(rows, texts=(*rows.texts[:50], *[None] * 70)))
    assert "for 50 of 120" in said(few)
    none = with_texts(systems(), lambda rows: replace(rows, texts=(None,) * 120))
    assert "No texts were written" in said(none)
    grouped = with_texts(systems(), lambda rows: replace(rows, clusters=tuple(str(i // 6) for i in range(120))))
    assert "only 20 clusters" in said(grouped)

    alike = texts_given(["yes"] * 60 + [""] * 60, [["no"]] * 60 + [[f"other {i}"] for i in range(60)])
    warned = said([TextSystem("tuned", "tuned", "tuned", alike)])
    assert "'no', is a reference of 50%" in warned
    assert "wrote nothing for 60 of 120 prompts; no answer of the test is empty" in warned
    empty = texts_given([""] * 120, [[""]] * 60 + [[f"other {i}"] for i in range(60)])
    assert "look at empty answers in the data" in said([TextSystem("tuned", "tuned", "tuned", empty)])


def test_systems_that_cannot_be_compared_are_refused() -> None:
    given = systems()
    with pytest.raises(ValueError, match="one tuned system"):
        assembled(given[:2])
    with pytest.raises(ValueError, match="same name"):
        assembled([*given, given[0]])
    with pytest.raises(ValueError, match="same prompts"):
        assembled([given[2], replace(given[1], predictions=spoken(119, quality=0.6, seed=2))])


def test_a_masked_model_has_a_pseudo_loss_alone() -> None:
    given = [system for system in systems() if system.name != "nearest_neighbour"]
    results = assembled(given, task="language_modelling", headline="loss", layout="masked")
    assert all(tuple(system.metrics) == ("loss",) for system in results.systems)
    assert {c.metric for c in results.comparisons} == {"loss"}
    assert any("pseudo-loss" in warning for warning in results.warnings)
    with pytest.raises(ValueError, match="unknown metrics"):
        assembled(given, task="language_modelling", headline="loss", layout="masked", compared=["perplexity"])
