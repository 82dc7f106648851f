"""Metrics of texts equal their reference implementations, on whole samples and on resamples alike."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import sacrebleu
from hypothesis import given as holds_for
from hypothesis import settings as run_with
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from text_cases import WORDS, spoken, texts_given

from tunewright.core.errors import RunError
from tunewright.core.metrics import LESS_IS_BETTER
from tunewright.evaluation.score_texts import score_texts
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.text_tallies import bleu_tokenizer
from tunewright.evaluation.texts import METRICS, TASK_METRICS, Tallied
from tunewright.evaluation.words import RougeWords, counted_words, normalised
from tunewright.recipe.judge import TextMetricName

FAST = ScoreSettings(resamples=200)
sentences = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
some_rows = st.lists(st.tuples(sentences, st.lists(sentences, min_size=1, max_size=3)), min_size=1, max_size=6)


def score(predictions, settings=FAST, **names):
    return score_texts(predictions, name="tuned", title="tuned", role="tuned", settings=settings, **names)


def value(metric: str, predictions) -> float:
    """The score by the table, without an interval."""
    kind, tallied = METRICS[metric], Tallied(predictions)
    return float(kind.statistic(tallied.table(kind).sum(axis=0)[np.newaxis])[0])


def columns(references):
    """References as sacrebleu wants them: one list for each place in the row."""
    most = max(map(len, references))
    return [[each[i] if i < len(each) else None for each in references] for i in range(most)]


@holds_for(some_rows)
@run_with(deadline=None, max_examples=60)
def test_bleu_and_chrf_equal_sacrebleu(rows) -> None:
    texts, references = [text for text, _ in rows], [refs for _, refs in rows]
    predictions = texts_given(texts, references)
    bleu = sacrebleu.corpus_bleu(texts, columns(references), use_effective_order=True, force=True)
    assert value("bleu", predictions) == pytest.approx(bleu.score, abs=1e-9)
    assert value("chrf", predictions) == pytest.approx(
        sacrebleu.corpus_chrf(texts, columns(references)).score, abs=1e-9
    )
    if any(len(text.split()) > 3 for text in texts):  # four words at least: the plain score is the same
        assert value("bleu", predictions) == pytest.approx(sacrebleu.corpus_bleu(texts, columns(references)).score)


def test_each_row_of_tallies_scores_as_its_own_sentence() -> None:
    predictions = spoken(30, quality=0.6, seed=2)
    for metric in ("bleu", "chrf", "rougeL"):
        rows_N = METRICS[metric].statistic(Tallied(predictions).table(METRICS[metric]))
        alone = [
            value(metric, texts_given([text], [refs]))
            for text, refs in zip(predictions.texts, predictions.references, strict=True)
        ]
        assert rows_N == pytest.approx(alone)
    sentence = sacrebleu.sentence_bleu(predictions.texts[4], list(predictions.references[4])).score
    assert value("bleu", texts_given(predictions.texts[4:5], predictions.references[4:5])) == pytest.approx(sentence)


def test_rouge_equals_its_package_on_ascii_and_knows_other_scripts() -> None:
    predictions = spoken(20, quality=0.5, seed=3)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    for metric in ("rouge1", "rouge2", "rougeL"):
        expected = np.mean(
            [
                max(scorer.score(reference, text)[metric].fmeasure for reference in references)
                for text, references in zip(predictions.texts, predictions.references, strict=True)
            ]
        )
        assert value(metric, predictions) == pytest.approx(expected)
    chinese = texts_given(["今天天气很好"], [["今天天气不好"]])
    assert value("rouge1", chinese) == pytest.approx(5 / 6)
    assert RougeWords().tokenize("Don't over_do the Café 3.5!") == ["don", "t", "over", "do", "the", "café", "3", "5"]


def test_bleu_counts_letters_where_the_references_have_no_blanks() -> None:
    assert bleu_tokenizer([("今天天气很好",)]) == "zh"
    assert bleu_tokenizer([("the weather is good, 好",)]) == "13a"
    assert value("bleu", texts_given(["今天天气很好啊"], [["今天天气很好"]])) > 50


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("The answer.", "  the ANSWER ", True),
        ("“Yes!”", "yes", True),
        ("ﬁne", "fine", True),  # a ligature
        ("３．５", "3.5", True),  # full width
        ("3.5", "35", False),
        ("-5", "5", False),
        ("- 5", "5", True),  # a dash that stands alone is a sign, no minus
        ("\N{MINUS SIGN}5", "-5", True),
        ("$5", "$5.", True),
        ("a cat", "cat", False),
        ("it's", "its", False),
    ],
)
def test_exact_match_forgives_case_width_blanks_and_signs_around_words(text: str, other: str, same: bool) -> None:
    assert (normalised(text) == normalised(other)) is same
    assert value("exact_match", texts_given([text], [["nothing like it", other]])) == float(same)


def test_token_f1_and_length_ratio_take_the_best_and_the_closest_reference() -> None:
    rows = texts_given(["a b c d", ""], [["x", "a b"], ["y"]])
    assert value("token_f1", rows) == pytest.approx((2 * 2 / 6 + 0) / 2)
    assert value("length_ratio", rows) == pytest.approx((4 + 0) / (2 + 1))
    assert counted_words("Ça va, 你好!") == ["ça", "va", "你", "好"]
    assert value("token_f1", texts_given(["", "..."], [[""], ["!"]])) == 1.0


def test_likelihoods_are_summed_before_they_are_divided() -> None:
    rows = texts_given([None, None], [["ab"], ["abcdef gh"]], nats=[4.0, 2.0])
    assert value("loss", rows) == pytest.approx(6 / 5)
    assert value("perplexity", rows) == pytest.approx(math.exp(6 / 5))
    assert value("bits_per_byte", rows) == pytest.approx(6 / math.log(2) / 11)


def test_an_unknown_is_never_a_zero() -> None:
    looked_up = score(texts_given(["a", "b", None], [["a"], ["c"], ["d"]]))
    assert looked_up.metrics["exact_match"].n == 2  # the row without a text does not count
    assert looked_up.metrics["exact_match"].value == 0.5
    for metric, reason in {"bits_per_byte": "likelihoods", "loss": "likelihoods", "stop_rate": "by themselves"}.items():
        assert looked_up.metrics[metric].value is None
        assert reason in looked_up.metrics[metric].reason
    silent = score(texts_given([None] * 3, [["a"], ["b"], ["c"]], nats=[1.0, 2.0, 3.0]))
    assert silent.metrics["bleu"].value is None
    assert silent.metrics["loss"].n == 3
    assert all(e.value is None and e.reason for e in score(texts_given([], [])).metrics.values())
    wordless = score(texts_given(["a", "b"], [["."], ["!"]]))
    assert wordless.metrics["length_ratio"].value is None


def test_every_interval_holds_its_score_and_has_a_width() -> None:
    for predictions in (
        spoken(60, quality=0.7, seed=4),
        spoken(60, quality=0.7, seed=4, clusters=[i // 4 for i in range(60)]),
        texts_given(["same"] * 5, [["same"]] * 5, nats=[2.0] * 5, stopped=[True] * 5),
        texts_given(["one"], [["only"]], nats=[0.5], stopped=[False]),
    ):
        for metric, found in score(predictions).metrics.items():
            assert found.value is not None, metric
            assert found.low < found.high, metric
            assert found.low <= found.value <= found.high, metric


def test_shares_of_independent_rows_take_wilsons_interval() -> None:
    found = score(spoken(50, quality=0.7, seed=5)).metrics
    assert found["stop_rate"].method == found["exact_match"].method == "wilson"
    clustered = score(spoken(50, quality=0.7, seed=5, clusters=[i // 5 for i in range(50)])).metrics["stop_rate"]
    assert clustered.method == "wilson-clustered"
    assert clustered.high - clustered.low >= found["stop_rate"].high - found["stop_rate"].low


def test_clusters_widen_an_interval_when_their_rows_agree() -> None:
    once = spoken(40, quality=0.7, seed=6)
    many = texts_given(once.texts * 5, once.references * 5, nats=np.tile(once.nats_N, 5), clusters=[*range(40)] * 5)
    apart = texts_given(once.texts * 5, once.references * 5, nats=np.tile(once.nats_N, 5))
    for metric in ("bleu", "bits_per_byte", "token_f1"):
        wide, narrow = (score(rows).metrics[metric] for rows in (many, apart))
        assert wide.value == pytest.approx(narrow.value)
        assert wide.high - wide.low > 1.6 * (narrow.high - narrow.low)


def test_the_same_seed_gives_the_same_numbers() -> None:
    predictions = spoken(30, quality=0.7, seed=7)
    assert score(predictions) == score(predictions)
    assert score(predictions) != score(predictions, ScoreSettings(resamples=200, seed=14))


@pytest.mark.slow
def test_the_interval_of_bits_per_byte_and_chrf_covers_at_its_level() -> None:
    whole = spoken(20_000, quality=0.7, seed=8)
    tallied, rng = Tallied(whole), np.random.default_rng(1)
    truth = {metric: value(metric, whole) for metric in ("bits_per_byte", "chrf", "token_f1")}
    held = dict.fromkeys(truth, 0)
    for _ in range(200):
        rows = rng.integers(0, 20_000, 100)
        texts, references = [whole.texts[i] for i in rows], [whole.references[i] for i in rows]
        found = score(texts_given(texts, references, nats=whole.nats_N[rows]), metrics=tuple(truth)).metrics
        for metric, true in truth.items():
            held[metric] += found[metric].low <= true <= found[metric].high
    assert tallied.known("texts").all()
    assert all(0.9 <= count / 200 <= 1 for count in held.values()), held


def test_nonsense_is_refused_by_row() -> None:
    for nats, said in (([1.0, math.inf], "row1"), ([1.0, math.nan], "row1"), ([-3.0, 1.0], "row0")):
        with pytest.raises(RunError, match=said):
            score(texts_given([None, None], [["a"], ["b"]], nats=nats))


def test_a_row_with_nothing_to_predict_adds_nothing() -> None:
    rows = texts_given([None, None], [["a b c"], ["d"]], nats=[4.0, 0.0])
    silent = replace(rows, target_tokens_N=np.array([4, 0]))
    assert score(silent).metrics["loss"].value == pytest.approx(1.0)
    with pytest.raises(RunError, match="row1"):
        score(replace(silent, nats_N=np.array([4.0, 2.0])))


def test_the_table_is_what_a_recipe_may_name() -> None:
    assert set(METRICS) == set(get_args(TextMetricName))
    assert all(set(names) <= set(METRICS) for names in TASK_METRICS.values())
    assert not METRICS["bits_per_byte"].higher_is_better
    assert METRICS["chrf"].higher_is_better


def test_a_row_without_a_token_has_no_likelihood() -> None:
    """Its answer lies beyond the context: nothing was measured, and it is no unit of the bootstrap."""
    whole = texts_given(["a"] * 4, [["the red house"]] * 4, nats=[3.0, 4.0, 5.0, 0.0])
    tokens_N, bytes_N = whole.target_tokens_N.copy(), whole.target_bytes_N.copy()
    tokens_N[3] = bytes_N[3] = 0
    cut = replace(whole, target_tokens_N=tokens_N, target_bytes_N=bytes_N)
    assert Tallied(cut).known("likelihood").tolist() == [True, True, True, False]
    assert value("loss", cut) == pytest.approx(1.0)


def test_metrics_of_texts_have_the_better_side_that_the_core_knows() -> None:
    assert {name for name, metric in METRICS.items() if metric.better == "less"} == LESS_IS_BETTER & set(METRICS)
