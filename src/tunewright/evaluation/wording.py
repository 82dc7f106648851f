"""The gate's sentences: what was measured, what was asked, how sure that is, and what to do. In plain ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tunewright.core.metrics import less_is_better
from tunewright.core.results import UNTUNED, Outcome
from tunewright.core.titles import metric_title, name_of_test
from tunewright.evaluation.gentler import gentler
from tunewright.evaluation.intervals import known
from tunewright.evaluation.numbers import METRICS as NUMBER_METRICS
from tunewright.evaluation.power import POWER, rows_to_exclude, rows_to_settle
from tunewright.evaluation.texts import METRICS as TEXT_METRICS
from tunewright.recipe.judge import BetterThan, Floor, PartsKept, Retention

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.core.results import ClassScore, Comparison, Estimate, SystemScores
    from tunewright.core.results import Retention as Retained
    from tunewright.recipe.judge import ClassFloor, ConditionSpec
    from tunewright.recipe.train import TrainSpec

BEST_BASELINE: Final = "the best simple baseline"

ROWS_OUT_OF_REACH: Final = 100
"""A difference that only this many times the test rows would show is as good as none."""

NO_OPPONENT: Final = "Name it under evaluation.baselines, or compare with another system"
NO_LIKELIHOOD: Final = (
    "by a metric that this one has: baselines of texts have no likelihoods, which can be compared with that of the base"
)
NO_GENERAL_TEXT: Final = (
    "It is scored for causal bases, with 'base' among evaluation.baselines and texts under evaluation.general_text: "
    "set these, or write gate.conditions without retention."
)
NO_RISE: Final = (
    "Look at the texts of evaluation.general_text, which hold too little to score, or write gate.conditions without "
    "retention."
)
NO_EARLIER_TEST: Final = (
    "It is scored where model.name is a run of this task (`run:NAME`): name one, or write gate.conditions without it."
)
NO_EARLIER_SHARE: Final = (
    "Another evaluation finds the same: the earlier test is frozen. Write gate.conditions without it."
)

LISTED: Final = 5
"""Most classes that one sentence names."""


def opponent(condition: BetterThan, base: str) -> str:
    """What the tuned model is to beat; `base` says what it began as."""
    return {"base": base, "best_baseline": BEST_BASELINE}[condition.system]


def no_opponent(metric: str) -> str:
    """What to do where the system to beat has no score by the metric."""
    return f"{NO_OPPONENT}, {NO_LIKELIHOOD}." if metric in TEXT_METRICS else f"{NO_OPPONENT}."


def condition_title(condition: ConditionSpec, base: str = UNTUNED) -> str:
    """The condition as people read it; `base` says what the tuned model began as."""
    if isinstance(condition, PartsKept):
        return f"no part of the test loses more than {condition.at_most:g}"
    if isinstance(condition, Retention) and condition.on == "earlier_test":
        worse = "worse" if condition.at_most == 0 else f"worse by more than {_percent(condition.at_most)}"
        return f"the test of the earlier run did not get {worse}"
    if isinstance(condition, Retention):
        return f"bits per byte of general text rise by at most {_percent(condition.at_most)}"
    name = metric_title(condition.metric)
    if isinstance(condition, BetterThan):
        return f"{name} is better than that of {opponent(condition, base)} (p below {condition.alpha:g})"
    if isinstance(condition, Floor):
        return f"{name} is at {'most' if less_is_better(condition.metric) else 'least'} {condition.at_least:g}"
    return f"{name} of every class is at least {condition.at_least:g}"


def comparison_found(
    comparison: Comparison, systems: tuple[SystemScores, SystemScores], *, alpha: float, confidence: float
) -> str:
    """Both scores, their difference with its interval, and what that says; the difference is known."""
    difference, bounds = comparison.difference, known(comparison.difference)
    assert bounds is not None
    value, (low, high) = bounds
    scores = [f"{s.title}: {s.metrics[comparison.metric].value:.3f}" for s in systems if _scored(s, comparison)]
    beside = f" ({'; '.join(scores)})" if len(scores) == len(systems) else ""
    return (
        f"The difference in {metric_title(comparison.metric)}{_better_side(comparison.metric)} is {value:+.3f}"
        f"{beside} on {difference.n:,} test rows. "
        f"Its {_level(confidence)} interval, {low:+.3f} to {high:+.3f}, {_holds(low, high)} "
        f"({_p(comparison.p_value or 0.0, alpha)}, {name_of_test(comparison.test)})."
    )


def _better_side(metric: str) -> str:
    return ", of which less is better," if less_is_better(metric) else ""


def _scored(system: SystemScores, comparison: Comparison) -> bool:
    return comparison.metric in system.metrics and known(system.metrics[comparison.metric]) is not None


def _holds(low: float, high: float) -> str:
    if low > 0:
        return "lies above 0"
    return "lies below 0" if high < 0 else "holds 0: there may be no difference"


def _p(p_value: float, alpha: float) -> str:
    said = "p below 0.0001" if p_value < 1e-4 else f"p = {p_value:.3g}"
    return said if p_value < alpha else f"{said}, not below {alpha:g}"


def keep_the_other(title: str, metric: str) -> str:
    """What to do about a tuned model that is worse by the metric."""
    data = "the answers in the data" if metric in TEXT_METRICS else "the labels of the classes confused"
    data = "the numbers of its largest errors" if metric in NUMBER_METRICS else data
    trained = "how long and at which rate it was trained"
    return f"Keep {title}: the tuned model is worse. Then look at {trained}, and at {data}."


def what_would_settle(
    comparison: Comparison, title: str, *, alpha: float, confidence: float, prompts: int | None = None
) -> str:
    """What to do about a difference that is not shown: more evidence where that could help, else another training.

    `prompts` counts the prompts of the test, of which answers may have been written for some only.
    """
    difference = comparison.difference
    rows = rows_to_settle(difference, confidence=confidence, alpha=alpha)
    unwritten = can_write_more(comparison.metric, difference.n, prompts)
    if rows is None or difference.value is None or rows > ROWS_OUT_OF_REACH * difference.n:
        if unwritten:
            return f"{_write_more(None, prompts)}: both score alike on the {difference.n:,} prompts answered so far."
        return f"Both score alike, and more test rows will not change that: train until it beats {title}."
    if (difference.value > 0) is less_is_better(comparison.metric):
        return (
            f"The tuned model does worse than {title}: change the training rather than add test rows (about {rows:,} "
            "would show a loss of this size)."
            + (f" {_write_more(rows, prompts)} before you trust that: {difference.n:,} were." if unwritten else "")
        )
    chance = f"would show it with a chance of {100 * POWER:g} %; there are {difference.n:,}"
    if unwritten:
        return (
            f"{_write_more(rows, prompts)}, or train a better model. If the gain seen is the true one, about {rows:,} "
            f"written answers {chance}."
        )
    return (
        f"Add test rows, or train a better model. If the gain seen is the true one, about {rows:,} test rows like "
        f"these {chance}."
    )


def can_write_more(metric: str, n: int, prompts: int | None) -> bool:
    """Whether the metric is of written answers, and the test has prompts that none were written for."""
    return prompts is not None and n < prompts and metric in TEXT_METRICS and TEXT_METRICS[metric].needs != "likelihood"


def _write_more(rows: int | None, prompts: int | None) -> str:
    """The remedy that lies nearer than new test rows: answers to prompts that the test has already."""
    assert prompts is not None
    if rows is None or rows <= prompts:
        return f"Let more answers be written (raise evaluation.generate; the test has {prompts:,} prompts)"
    return f"Let an answer be written for each of the {prompts:,} test prompts (evaluation.generate), add test rows"


def floor_found(metric: str, estimate: Estimate, level: float, outcome: Outcome, *, confidence: float) -> str:
    """The score with its interval, and where that lies beside the level."""
    bounds, name = known(estimate), metric_title(metric)
    if bounds is None:
        return f"The {name} of the tuned model is unknown: {estimate.reason or 'no reason given'}."
    value, (low, high) = bounds
    return (
        f"The {name} of the tuned model is {value:.3f} on {estimate.n:,} test rows. Its {_level(confidence)} interval, "
        f"{low:.3f} to {high:.3f}, {_lies(outcome, f'{level:g}', at_most=less_is_better(metric))}."
    )


def _lies(outcome: Outcome, level: str, *, at_most: bool) -> str:
    wrong = "above" if at_most else "below"
    return {
        Outcome.PASS: f"lies nowhere {wrong} {level}",
        Outcome.FAIL: f"lies {wrong} {level} as a whole",
        Outcome.UNKNOWN: f"reaches from below {level} to above it",
    }[outcome]


def retention_found(  # what was measured, what was asked, and of what
    scored: Retained, rise: Estimate, level: float, outcome: Outcome, *, confidence: float, base: str = UNTUNED
) -> str:
    """General text before and after, the change as a share with its interval (known), and where that lies."""
    bounds = known(rise)
    assert bounds is not None
    value, (low, high) = bounds
    return (
        f"The {scored.title} were {scored.before.value:.3f} to {base} and are {scored.after.value:.3f} to the tuned "
        f"model, {100 * value:+.1f} %, on {rise.n:,} passages. The {_level(confidence)} interval of the change, "
        f"{100 * low:+.1f} % to {100 * high:+.1f} %, {_lies(outcome, _percent(level), at_most=True)}."
    )


def retention_advice(
    rise: Estimate, level: float, outcome: Outcome, *, confidence: float, train: TrainSpec | None
) -> str:
    """What to do about a model that forgets too much, or may; `train` is how it was tuned, where that is known."""
    if outcome is Outcome.PASS:
        return ""
    if outcome is Outcome.FAIL:
        return f"The model forgets too much: {gentler(train)}."
    rows = rows_to_exclude(rise, level, confidence=confidence)
    enough = f", about {rows:,} in all" if rows is not None else ""
    return f"Add passages to evaluation.general_text{enough}; or {gentler(train)}."


def earlier_advice(outcome: Outcome, most: float) -> str:
    """What to do about a model that unlearned what the earlier one could; `most` is the loss that is not excluded."""
    if outcome is Outcome.FAIL:
        return (
            "Mix more of the earlier rows in (data.replay), or train more gently (a lower train.optimizer.lr, fewer "
            "train.epochs)."
        )
    if outcome is Outcome.PASS:
        return ""
    return (
        f"The rows of the earlier test do not exclude a loss of {_percent(most)}, and it is frozen: mix more of the "
        "earlier rows in (data.replay) or train more gently, or allow more in gate.conditions (retention, at_most)."
    )


def loss_found(bounds: tuple[float, float], level: float, outcome: Outcome) -> str:
    """Where the interval of a loss, as a share of the score before, lies beside the most allowed."""
    low, high = bounds
    lies = _lies(outcome, _percent(level), at_most=True)
    return f"Counted as a loss, the interval, {100 * low:+.1f} % to {100 * high:+.1f} %, {lies}."


def unknown_advice(metric: str) -> str:
    """What to do about a metric that is unknown: what it needs, which another evaluation alone does not bring."""
    needs = TEXT_METRICS[metric].needs if metric in TEXT_METRICS else None
    if needs in {"texts", "stops"}:
        return "Let texts be written (evaluation.generate above 0), or write gate.conditions without this metric."
    if needs == "likelihood":
        return "Compare the likelihood with that of the base, which has one, and look for empty answers in the data."
    return "Look at the test rows, which hold too little to score, or write gate.conditions without this metric."


def floor_advice(
    metric: str, estimate: Estimate, level: float, outcome: Outcome, *, confidence: float, prompts: int | None = None
) -> str:
    """What to do about a floor that is not reached, or not for certain; `prompts` as for `what_would_settle`."""
    name = metric_title(metric)
    if outcome is Outcome.FAIL:
        return "The model is not good enough: look at its worst errors, then at the data and the settings."
    rows = rows_to_exclude(estimate, level, confidence=confidence)
    enough = f", about {rows:,} in all if the {name} stays as it is" if rows is not None else ""
    undecided = f"or train a better model: these rows cannot tell which side of {level:g} it is on."
    if can_write_more(metric, estimate.n, prompts):
        return f"{_write_more(rows, prompts)}{enough}, {undecided}"
    return f"Add test rows{enough}, {undecided}"


def of_class(score: ClassScore, metric: str) -> Estimate:
    """The class's precision, recall or F1."""
    return {"precision": score.precision, "recall": score.recall, "f1": score.f1}[metric]


def classes_found(
    condition: ClassFloor,
    judged: Mapping[Outcome, Sequence[ClassScore]],
    small: Sequence[ClassScore],
    *,
    confidence: float,
) -> str:
    """How many classes reach the level, and by name those that do not, that are undecided, or that were not judged."""
    level, name = condition.at_least, metric_title(condition.metric)
    total = sum(map(len, judged.values())) + len(small)
    open_ = [s for s in judged[Outcome.UNKNOWN] if s.support]
    undecided = [s for s in open_ if known(of_class(s, condition.metric))]
    unknown = [s for s in open_ if not known(of_class(s, condition.metric))]
    absent = [repr(s.label) for s in judged[Outcome.UNKNOWN] if not s.support]

    def figures(scores: Sequence[ClassScore]) -> list[str]:
        weakest = sorted(scores, key=lambda s: of_class(s, condition.metric).value or 0.0)
        return [_of_one_class(s, condition.metric) for s in weakest]

    sentences = [
        f"{len(judged[Outcome.PASS])} of {total} classes reach {level:g} for certain: the whole {_level(confidence)} "
        f"interval of the {name} lies there.",
        *_listed(f"Below {level:g}, with the whole interval", figures(judged[Outcome.FAIL])),
        *_listed(f"Undecided, as the interval reaches from below {level:g} to above it", figures(undecided)),
        *_listed("Unknown", figures(unknown)),
        *_listed("Without test rows", absent),
        *_listed(
            f"Not judged, with fewer than {condition.min_support} test rows",
            [f"{s.label!r} ({s.support})" for s in small],
        ),
    ]
    return " ".join(sentences)


def _of_one_class(score: ClassScore, metric: str) -> str:
    estimate, name = of_class(score, metric), metric_title(metric)
    bounds = known(estimate)
    if bounds is None:
        return f"{score.label!r} ({estimate.reason or 'no reason given'})"
    value, (low, high) = bounds
    hits = f"{round(value * estimate.n):,} of {estimate.n:,}"
    counted = {"recall": f": {hits} test rows found", "precision": f": right in {hits} answers"}.get(metric, "")
    return f"{score.label!r} ({name} {value:.3f}{counted}; interval {low:.3f} to {high:.3f})"


def classes_advice(condition: ClassFloor, judged: Mapping[Outcome, Sequence[ClassScore]], *, confidence: float) -> str:
    """What to do about classes below the level, and about those with too few test rows to tell."""
    undecided = judged[Outcome.UNKNOWN]
    advice = []
    if judged[Outcome.FAIL]:
        advice.append(
            "Of the classes below: add training rows, look for wrong labels among them, or merge classes that overlap."
        )
    lost = [repr(s.label) for s in undecided if s.support and not of_class(s, condition.metric).value]
    if lost:
        advice.append(f"The model may have given up {', '.join(lost[:LISTED])}: look at the training rows and labels.")
    if undecided or not judged[Outcome.PASS]:
        needed = [text for s in undecided if (text := _rows_needed(s, condition, confidence))]
        some = (
            f": {', '.join(needed[:LISTED])} would do if the {metric_title(condition.metric)} stays" if needed else ""
        )
        advice.append(f"Add test rows of the classes named, which are too few to decide{some}.")
    return " ".join(advice)


def _rows_needed(score: ClassScore, condition: ClassFloor, confidence: float) -> str | None:
    """Only of recall, whose denominator is the class's test rows: of the others nobody can add rows at will."""
    if condition.metric != "recall" or not score.support:
        return None
    rows = rows_to_exclude(score.recall, condition.at_least, confidence=confidence)
    return f"about {rows:,} of {score.label!r} (now {score.support:,})" if rows is not None else None


def _listed(name: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        more = f" and {len(items) - LISTED:,} more" if len(items) > LISTED else ""
        yield f"{name}: {', '.join(items[:LISTED])}{more}."


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _level(confidence: float) -> str:
    return f"{100 * confidence:.4g} %"
