"""Everything a report tells, in core types: the page, the card and the summary read this and nothing else."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # core.codec reads the types at run time
from dataclasses import dataclass, field
from typing import Literal

from tunewright.core.results import GateResult, Results  # noqa: TC001  # core.codec reads the types at run time
from tunewright.core.rows import Profile  # noqa: TC001  # core.codec reads the types at run time
from tunewright.core.training import (  # noqa: TC001  # core.codec reads the types at run time
    EvaluationReport,
    StepReport,
)


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """One row that a rule dropped or changed."""

    place: str
    """Source and line, as `tickets.csv:17`."""
    text: str
    """Excerpt of the row; of a changed row, as it is now."""
    before: str = ""
    """Of a changed row: excerpt as it was."""


@dataclass(frozen=True, slots=True)
class DroppedSample:
    """What one rule did, with a few of its rows."""

    rule: str
    action: Literal["dropped", "changed"]
    count: int
    samples: tuple[DroppedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorSample:
    """A test row that the tuned model got wrong."""

    place: str
    """Source and line, as `tickets.csv:17`."""
    text: str
    true: str
    predicted: str
    probability: float | None
    """Probability the model gave its wrong answer, 0..1."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A test prompt with what people, the base and the tuned model answered."""

    place: str
    """Source and line."""
    prompt: str
    reference: str
    base: str | None
    tuned: str
    base_score: float | None = None
    """chrF of the base's text, 0 to 100."""
    tuned_score: float | None = None
    why: Literal["sample", "gain", "loss"] = "sample"
    """Why it is shown: drawn at random, or with the largest gain or loss against the base."""


@dataclass(frozen=True, slots=True)
class WorstRow:
    """A test row of texts that the tuned model does badly on."""

    place: str
    prompt: str
    """Empty for raw text."""
    reference: str
    text: str | None
    score: float
    metric: str
    """What `score` is of: `chrf`, or `bits_per_byte` where no texts were written."""


@dataclass(frozen=True, slots=True)
class Right:
    """The terms of the base or of a source of data; None is unknown."""

    source: str
    license: str | None
    origin: str | None
    permission: str | None
    attribution: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """One run from data to verdict."""

    name: str
    task: str
    model: str
    """The base, as the recipe names it."""
    data: str
    """The data, as the recipe names it."""
    created_at: str
    """ISO 8601."""
    recipe_text: str
    results: Results
    gate: GateResult
    profile: Profile
    dropped: tuple[DroppedSample, ...]
    steps: tuple[StepReport, ...]
    evaluations: tuple[EvaluationReport, ...]
    errors: tuple[ErrorSample, ...]
    """The worst first: wrong with the highest probability."""
    resolved: Mapping[str, object]
    """What every `auto` of the recipe became."""
    provenance: Mapping[str, str]
    """Hashes, versions, commit, seeds, command, machine."""
    base_model_id: str | None = None
    """The base's hub name (`owner/name`), where it came from the hub."""
    ending: str = ""
    """Why training ended, such as `all steps done`; empty where nobody knows."""
    generations: tuple[Generation, ...] = ()
    """Of a model that writes: base and tuned side by side."""
    worst: tuple[WorstRow, ...] = ()
    """Of texts: the worst test rows first. Those of classes stand in `errors`."""
    notes: tuple[str, ...] = field(default=())
    """Sentences about this run that belong to its limitations, such as the base being a starter model."""
    rights: tuple[Right, ...] = ()
    """Of the base first, then of each source of data."""
