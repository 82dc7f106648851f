"""Answers that the limit of tokens cut are laid to the limit, in warnings and in the gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from text_cases import spoken

from tunewright.core.codec import from_data, to_data
from tunewright.core.results import Outcome, Results
from tunewright.evaluation.answer_limit import answer_limit, is_short
from tunewright.evaluation.evaluate_texts import Beside, TextSystem, assemble_texts
from tunewright.evaluation.gate import judge
from tunewright.evaluation.texts import Tallied
from tunewright.recipe.judge import EvaluationSpec, Floor

N, LIMIT = 120, 50


def written(*, long: int, cut: int):
    """Predictions of a model that ran on to the limit for the first `cut` of N prompts; the first `long` references
    are longer than the limit."""
    rows = spoken(N, quality=1.0, seed=1)
    stopped = tuple(n >= cut for n in range(N))
    new = tuple(LIMIT if n < cut else 7 for n in range(N))
    lengths_N = np.array([200 if n < long else 7 for n in range(N)])
    return replace(rows, stopped=stopped, new_tokens=new), lengths_N


def results(*, long: int, cut: int) -> Results:
    tuned, lengths_N = written(long=long, cut=cut)
    systems = [
        TextSystem("base", "untuned", "base", spoken(N, quality=0.6, seed=2)),
        TextSystem("tuned", "tuned", "tuned", tuned),
    ]
    return assemble_texts(
        systems,
        task="generation",
        headline="bits_per_byte",
        spec=EvaluationSpec(resamples=100),
        seed=13,
        gap=None,
        beside=Beside(answer_limit=answer_limit(tuned, lengths_N, LIMIT)),
    )


def stop_rate(*, long: int, cut: int, at_least: float = 0.9):
    found = results(long=long, cut=cut)
    return judge([Floor(metric="stop_rate", at_least=at_least)], found, imbalance_ratio=None).outcomes[0]


def test_only_answers_that_ran_to_the_limit_before_a_longer_reference_are_laid_to_it() -> None:
    tuned, lengths_N = written(long=40, cut=30)
    found = answer_limit(tuned, lengths_N, LIMIT)
    assert found is not None
    assert (found.tokens, found.prompts, found.longer, found.cut, found.enough) == (LIMIT, N, 40, 30, 200)
    by_the_context = replace(tuned, new_tokens=tuple(min(new, LIMIT - 1) for new in tuned.new_tokens))
    assert answer_limit(by_the_context, lengths_N, LIMIT).cut == 0
    assert answer_limit(tuned, np.full(N, 7), LIMIT).cut == 0
    some = replace(tuned, texts=(*tuned.texts[:60], *[None] * 60))
    assert answer_limit(some, lengths_N, LIMIT).prompts == 60
    assert answer_limit(replace(tuned, texts=(None,) * N), lengths_N, LIMIT) is None
    unanswered = np.where(np.arange(N) < 100, 0, lengths_N)
    assert answer_limit(tuned, unanswered, LIMIT).prompts == 20


def test_a_short_limit_is_a_warning_of_the_results() -> None:
    found = results(long=40, cut=30)
    (said,) = [text for text in found.warnings if "max_new_tokens" in text]
    assert "40 have a reference of more than 50 tokens" in said
    assert "Raise evaluation.max_new_tokens to 200" in said
    assert from_data(Results, to_data(found), place="test") == found
    assert not any("max_new_tokens" in text for text in results(long=3, cut=3).warnings)
    assert is_short(results(long=7, cut=0).answer_limit)


def test_a_stop_rate_that_the_limit_lowered_does_not_fail_the_model() -> None:
    said = stop_rate(long=40, cut=30)
    assert said.outcome is Outcome.UNKNOWN
    assert "30 of 120 answers were cut by evaluation.max_new_tokens (50)" in said.found
    assert said.advice == "Raise evaluation.max_new_tokens to 200 and evaluate again."


@pytest.mark.parametrize(("long", "cut"), [(0, 30), (10, 60)])
def test_a_model_that_does_not_stop_where_people_did_still_fails(long: int, cut: int) -> None:
    said = stop_rate(long=long, cut=cut)
    assert said.outcome is Outcome.FAIL
    assert "not good enough" in said.advice
    assert ("max_new_tokens" in said.advice) == bool(long)


def cut_by_context(*, beyond: int, cut: int):
    """Predictions of a model that filled the context for the first `cut` of N prompts, of which the first `beyond` have
    no reference that the context holds."""
    rows, _ = written(long=0, cut=cut)
    return replace(rows, new_tokens=tuple(9 if n < cut else 7 for n in range(N))), np.where(np.arange(N) < beyond, 0, 7)


def test_answers_that_the_context_ended_where_it_holds_no_answer_of_peoples_do_not_fail_the_model() -> None:
    tuned, lengths_N = cut_by_context(beyond=40, cut=30)
    limit = answer_limit(tuned, lengths_N, LIMIT)
    assert (limit.prompts, limit.cut, limit.beyond) == (N - 40, 0, 30)
    found = replace(results(long=0, cut=30), answer_limit=limit)
    said = judge([Floor(metric="stop_rate", at_least=0.9)], found, imbalance_ratio=None).outcomes[0]
    assert said.outcome is Outcome.UNKNOWN
    assert "30 answers were cut by the context" in said.found
    assert "max_new_tokens" not in said.found + said.advice
    assert "model.max_tokens" in said.advice
    held = answer_limit(*cut_by_context(beyond=0, cut=30), LIMIT)
    assert held.beyond == 0, "where the context holds people's answer, the model ran on"
    failed = judge([Floor(metric="stop_rate", at_least=0.9)], replace(found, answer_limit=held), imbalance_ratio=None)
    assert failed.outcomes[0].outcome is Outcome.FAIL


def test_where_the_context_holds_no_reference_at_all_the_answers_that_it_ended_are_counted() -> None:
    tuned, lengths_N = cut_by_context(beyond=N, cut=30)
    limit = answer_limit(tuned, lengths_N, LIMIT)
    assert (limit.prompts, limit.longer, limit.enough, limit.beyond) == (0, 0, LIMIT, 30)
    assert not is_short(limit)
    assert answer_limit(replace(tuned, references=((),) * N), lengths_N, LIMIT) is None


def test_a_prompt_without_room_is_left_out_of_the_stop_rate() -> None:
    rows = spoken(4, quality=1.0, seed=1)
    tallied = Tallied(replace(rows, stopped=(True, False, None, None)))
    assert tallied.known("stops").tolist() == [True, True, False, False]


def test_answers_beyond_the_context_are_told_of() -> None:
    tuned = TextSystem("tuned", "tuned", "tuned", spoken(N, quality=0.9, seed=1))
    settings = {"task": "generation", "headline": "chrf", "spec": EvaluationSpec(resamples=100), "seed": 1, "gap": None}
    told, silent = (assemble_texts([tuned], compared=(), beside=Beside(cut=cut), **settings).warnings for cut in (3, 0))
    assert "answers of 3 of 120 test prompts reach beyond" in told[0]
    assert silent == ()


def test_a_stop_rate_that_is_reached_passes_whatever_was_cut() -> None:
    assert stop_rate(long=2, cut=2).outcome is Outcome.PASS
