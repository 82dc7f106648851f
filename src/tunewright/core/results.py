"""Scores with their n, interval and reason; comparisons with their test; a gate's verdict."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # core.codec reads the types at run time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

UNTUNED = "the untuned base"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval. An unknown is `None` with a reason, never zero."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str = ""
    """How the interval was found, such as `wilson` or `bootstrap-bca`."""
    reason: str = ""
    """Why the value or the interval is unknown."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Precision, recall and F1 of one class, with the number of its rows."""

    label: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class SystemScores:
    """All scores of one system (a baseline, the base, the tuned model) on one split."""

    name: str
    title: str
    """How people read it, such as `TF-IDF + logistic regression`."""
    role: Literal["baseline", "base", "tuned"]
    metrics: Mapping[str, Estimate]
    per_class: tuple[ClassScore, ...] = ()
    """Empty for a task without classes."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """Counts, true class by predicted class, both in the order of `per_class`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The tuned system against another on the same rows."""

    metric: str
    system: str
    against: str
    difference: Estimate
    """Score of `system` minus score of `against`."""
    p_value: float | None
    """Two-sided."""
    test: str
    """`mcnemar-exact`, `exact-randomisation` or `approximate-randomisation`."""
    gained: int
    """Rows (or clusters) right with `system` and wrong with `against`."""
    lost: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """The tuned model's score on training rows, validation rows and test rows: how far it fits what it saw."""

    metric: str
    train: Estimate
    validation: Estimate
    test: Estimate
    reading: str
    """One sentence that says what the gap means."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What tuning did to something else than the task's test: the base's score before, the tuned model's after."""

    title: str
    """What was scored, such as `bits per byte of general text`."""
    before: Estimate
    after: Estimate
    difference: Estimate
    """After minus before, paired."""
    p_value: float | None
    less_is_better: bool = True
    relative: Estimate | None = None
    """(After - before) / before, as one statistic of the paired rows."""


@dataclass(frozen=True, slots=True)
class AnswerLimit:
    """How the most tokens of a written answer lie beside people's answers to the prompts that were written for."""

    tokens: int
    """`evaluation.max_new_tokens`."""
    prompts: int
    """Prompts that answers were written for, and that have a reference which the context holds."""
    longer: int
    """Of these, prompts of which every reference has more tokens than that, the stop token included."""
    cut: int
    """Of these in turn, prompts for which the tuned model wrote on to the limit: it may have meant to go on as far."""
    enough: int
    """Tokens that would hold nearly all references; `tokens` where the context holds none of them."""
    beyond: int = 0
    """Prompts whose references all reach beyond the context, and for which the tuned model wrote on to its end."""


@dataclass(frozen=True, slots=True)
class CleanPart:
    """The test without the rows that stand in training rows, scored as the whole test is."""

    n: int
    left_out: int
    """Rows that training rows hold."""
    systems: tuple[SystemScores, ...] = ()
    """Empty where no row is left; without scores by class."""
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """The tuned model and its base on the test rows that have one value in a column."""

    column: str
    value: str
    n: int
    tuned: Estimate | None
    """By the headline metric."""
    base: Estimate | None = None
    """None where the base was not scored."""
    comparison: Comparison | None = None
    """Tuned minus base, on these rows alone."""


@dataclass(frozen=True, slots=True)
class Results:
    """Everything the evaluation found on the frozen test rows."""

    task: str
    n: int
    labels: tuple[str, ...]
    headline: str
    """The metric people read first."""
    systems: tuple[SystemScores, ...]
    comparisons: tuple[Comparison, ...]
    gap: Gap | None
    warnings: tuple[str, ...] = ()
    confidence: float = 0.95
    """Level of every interval in here."""
    retention: Retention | None = None
    """Of general text; None where nothing was scored for it."""
    earlier_test: Retention | None = None
    """Of the frozen test of the run that was tuned further; None where the base is no run of the same task."""
    since_first: Retention | None = None
    """Of general text too, with the base before that a chain of runs began with; None outside a chain, or where the
    earlier run does not know it."""
    clean_part: CleanPart | None = None
    """None where no test row stands in training rows, as far as can be told."""
    answer_limit: AnswerLimit | None = None
    """None where no answers were written."""
    slices: tuple[Slice, ...] = ()
    """Parts of the test by the columns of `evaluation.slices`."""
    base: str = UNTUNED
    """What the tuned model began as, in words: the untuned base, or the model of an earlier run."""


class Verdict(StrEnum):
    """What the gate says; only `ship` lets a command exit 0. The values are for programs, `words` for people."""

    SHIP = "ship"
    DONT_SHIP = "dont_ship"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"

    @property
    def words(self) -> str:
        """The verdict as people read it, such as `don't ship`."""
        return self.value.replace("dont", "don't").replace("_", " ")


class Outcome(StrEnum):
    """What one condition of the gate says."""

    PASS = "pass"  # noqa: S105  # the word of a verdict, no password
    FAIL = "fail"
    UNKNOWN = "not_enough_evidence"


@dataclass(frozen=True, slots=True)
class ConditionOutcome:
    """One condition of the gate with what was found."""

    condition: str
    """The condition in words, such as `macro_f1 better than base (p < 0.05)`."""
    outcome: Outcome
    found: str
    """The figures it was decided on, in words."""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict with its reasons."""

    verdict: Verdict
    outcomes: tuple[ConditionOutcome, ...]
    warnings: tuple[str, ...] = field(default=())
