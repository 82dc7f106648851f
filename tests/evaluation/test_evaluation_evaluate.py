"""All systems on the same rows: who is compared with whom, and what is warned about."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_cases import given, noisy

from tunewright.core.codec import from_data, to_data
from tunewright.core.errors import RunError
from tunewright.core.results import Results
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.evaluate import System, assemble
from tunewright.evaluation.gate import default_conditions, judge
from tunewright.evaluation.settings import ScoreSettings
from tunewright.recipe.judge import EvaluationSpec

SPEC = EvaluationSpec(resamples=200)
ROLES = {"majority": "baseline", "tfidf_linear": "baseline", "base": "base", "tuned": "tuned"}


def systems(*, n: int = 300, classes: int = 3, clusters=None, **accuracies: float) -> list[System]:
    rng = np.random.default_rng(1)
    targets_N = np.arange(n) % classes
    return [
        System(
            name, f"The {name}", ROLES[name], noisy(targets_N, classes=classes, accuracy=a, rng=rng, clusters=clusters)
        )
        for name, a in accuracies.items()
    ]


def assembled(tested: list[System], **more) -> Results:
    return assemble(tested, **({"headline": "macro_f1", "spec": SPEC, "seed": 5, "gap": None} | more))


def test_the_tuned_model_is_compared_with_the_base_and_with_every_baseline() -> None:
    found = assembled(systems(majority=0.3, tfidf_linear=0.6, base=0.7, tuned=0.85))
    assert [(c.metric, c.system, c.against) for c in found.comparisons] == [
        ("macro_f1", "tuned", "base"),
        ("accuracy", "tuned", "base"),
        ("macro_f1", "tuned", "majority"),
        ("accuracy", "tuned", "majority"),
        ("macro_f1", "tuned", "tfidf_linear"),
        ("accuracy", "tuned", "tfidf_linear"),
    ]
    assert [s.name for s in found.systems] == ["majority", "tfidf_linear", "base", "tuned"]
    assert (found.n, found.confidence, found.headline) == (300, 0.95, "macro_f1")
    assert found.warnings == ()
    assert judge(default_conditions(1.0), found, imbalance_ratio=1.0).verdict == "ship"


def test_without_a_base_only_the_baseline_is_compared_and_the_gate_stays_open() -> None:
    found = assembled(systems(majority=0.3, tuned=0.85))
    assert {c.against for c in found.comparisons} == {"majority"}
    assert judge(default_conditions(1.0), found, imbalance_ratio=1.0).verdict == "not_enough_evidence"


def test_results_travel_as_json_and_come_back_equal() -> None:
    found = assembled(systems(majority=0.3, base=0.7, tuned=0.85))
    assert from_data(Results, to_data(found), place="test") == found


def test_the_same_seed_gives_the_same_results_and_an_added_system_moves_none() -> None:
    tested = systems(majority=0.3, base=0.7, tuned=0.85)
    found = assembled(tested)
    assert found == assembled(tested)
    fewer = assembled(tested[1:])
    assert fewer.systems == found.systems[1:]
    assert [c for c in found.comparisons if c.against == "base"] == list(fewer.comparisons)


def test_a_gate_on_another_metric_finds_its_comparison_where_it_was_asked_for() -> None:
    found = assembled(systems(base=0.7, tuned=0.85), compared=("accuracy", "macro_recall"))
    assert [c.metric for c in found.comparisons] == ["macro_f1", "accuracy", "macro_recall"]


def test_few_rows_are_warned_about_with_the_difference_they_could_show() -> None:
    (warning,) = (w for w in assembled(systems(n=60, base=0.5, tuned=0.8)).warnings if "only 60 rows" in w)
    assert "a difference in accuracy of 0." in warning
    same = systems(n=60, tuned=0.9)
    base = System("base", "The base", "base", same[0].predictions)
    (warning,) = (w for w in assembled([base, *same]).warnings if "only 60 rows" in w)
    assert "no difference in accuracy could be shown" in warning


def test_a_dominant_class_is_warned_about() -> None:
    lopsided = given([0] * 170 + [1] * 30, [0] * 200, classes=2)
    found = assembled([System("tuned", "", "tuned", lopsided)])
    assert any("always answering 'class0' is right on 85.0%" in w for w in found.warnings)


def test_classes_without_test_rows_are_named() -> None:
    found = assembled([System("tuned", "", "tuned", given([0, 1] * 100, [0, 2] * 100, classes=4))])
    assert any("No test rows of 2 of 4 classes (class2, class3)" in w for w in found.warnings)


def test_few_clusters_are_warned_about() -> None:
    found = assembled(systems(clusters=[i // 60 for i in range(300)], base=0.7, tuned=0.85))
    assert any("form only 5 clusters" in w for w in found.warnings)


def test_a_gain_that_many_comparisons_explain_is_called_a_hint() -> None:
    targets = [0, 1] * 100
    better, worse = given(targets, targets, classes=2), given(targets, [0, 1] * 97 + [1, 0] * 3, classes=2)
    base = System("base", "the untuned base", "base", worse)
    found = assembled([base, System("tuned", "", "tuned", better)], headline="accuracy")
    assert found.comparisons[0].p_value == pytest.approx(0.03125)
    said = "difference in accuracy from the untuned base looks real by itself (p = 0.0312)"
    assert any(said in w and "Holm" in w for w in found.warnings), found.warnings


def test_without_rows_every_metric_is_unknown_and_the_gate_stays_open() -> None:
    empty = given([], [], classes=2)
    found = assembled([System("base", "", "base", empty), System("tuned", "", "tuned", empty)])
    assert {e.value for s in found.systems for e in s.metrics.values()} == {None}
    assert judge(default_conditions(None), found, imbalance_ratio=None).verdict == "not_enough_evidence"


@pytest.mark.parametrize("row", [[np.nan, 0.5], [0.5, np.inf], [0.9, 0.9], [1.2, -0.2]])
def test_probabilities_that_are_none_stop_the_evaluation_and_name_the_row(row: list[float]) -> None:
    broken = given([0, 1, 0], [0, 1, 0], classes=2)
    broken.probabilities_NK[1] = row
    with pytest.raises(RunError, match="predictions of tuned: row row1: its probabilities are none"):
        assembled([System("tuned", "", "tuned", broken)])


@pytest.mark.parametrize("target", [-1, 2])
def test_a_true_class_that_is_no_label_stops_the_evaluation(target: int) -> None:
    broken = given([0, 1, 0], [0, 1, 0], classes=2)
    broken.targets_N[2] = target
    with pytest.raises(RunError, match="row row2: its true class is no label"):
        score_system(broken, name="tuned", title="", role="tuned", settings=ScoreSettings(resamples=100))


def test_systems_that_cannot_stand_side_by_side_are_refused() -> None:
    tested = systems(majority=0.3, base=0.7, tuned=0.85)
    with pytest.raises(ValueError, match="one tuned system"):
        assembled(tested[:2])
    with pytest.raises(ValueError, match="same name"):
        assembled([*tested, tested[0]])
    with pytest.raises(ValueError, match="same rows"):
        assembled([*tested[:2], *systems(n=200, tuned=0.8)])
    with pytest.raises(ValueError, match="unknown metrics"):
        assembled(tested, headline="bleu")


@pytest.mark.parametrize("n", [1, 2])
def test_a_single_row_or_cluster_gives_intervals_and_no_certainty(n: int) -> None:
    for clusters in (None, ["one"] * n):
        found = assembled(systems(n=n, classes=2, clusters=clusters, base=0.0, tuned=1.0))
        for estimate in found.systems[1].metrics.values():
            assert estimate.low < estimate.high
        assert all(c.p_value > 0.4 for c in found.comparisons), "one or two coins prove nothing"


@pytest.mark.parametrize(("confidence", "resamples"), [(0.5, 1000), (1.0, 1000), (0.95, 99)])
def test_settings_that_give_no_interval_are_refused(confidence: float, resamples: int) -> None:
    with pytest.raises(ValueError, match=r"confidence|resamples"):
        ScoreSettings(confidence, resamples)
