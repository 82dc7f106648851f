"""What tuned models that read give for single texts, beside a class: numbers, sets of labels and spans."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tunewright.evaluation.label_sets import DEFAULT_THRESHOLD
from tunewright.inference.label_sets import LabelSetModel
from tunewright.inference.spans import SpanModel
from tunewright.inference.values import ValueModel
from tunewright.pipeline.answers_label_sets import threshold_of
from tunewright.pipeline.answers_spans import pieces_of
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tunewright.core.encoded import Layout
    from tunewright.pipeline.texts import Row
    from tunewright.pipeline.tuned import TunedRun


@dataclass(frozen=True, slots=True)
class Number:
    """One number for a text, with the place it came from to join by."""

    line: int | None
    """Line of its file where the record begins; None for a text given."""
    id: str | int | None
    """What the file's id column says; None without one."""
    text: str
    value: float

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON data."""
        return asdict(self)

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its line on the console, before the text."""
        return (f"{self.value:.4g}",)


def read_numbers(tuned: TunedRun, rows: Sequence[Row], texts: Sequence[str]) -> list[Number]:
    """The model's number for each row; `texts` are what it reads, cleaned."""
    model = ValueModel(tuned.load(), tuned.tokenizer, device=pick_device())
    values = model.values(texts)
    return [Number(row.line, row.id, row.text, float(value)) for row, value in zip(rows, values, strict=True)]


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels of a text, with the place it came from to join by."""

    line: int | None
    """As for a Number."""
    id: str | int | None
    text: str
    labels: tuple[str, ...]
    """Those with a probability from the threshold on; it may be none."""
    probabilities: dict[str, float]
    """Of each label by itself."""
    threshold: float

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON data."""
        return {**asdict(self), "labels": list(self.labels)}

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its line on the console, before the text."""
        return (", ".join(self.labels) or "-",)


def read_label_sets(tuned: TunedRun, rows: Sequence[Row], texts: Sequence[str]) -> list[LabelSet]:
    """The model's labels for each row, under its threshold (`threshold_of`), else a half: see `unsettled`."""
    model = LabelSetModel(tuned.load(), tuned.tokenizer, device=pick_device())
    tested, names = threshold_of(tuned.path), model.labels
    threshold = DEFAULT_THRESHOLD if tested is None else tested
    found = []
    for row, given_K in zip(rows, model.probabilities(texts), strict=True):
        probabilities = dict(zip(names, map(float, given_K), strict=True))
        labels = tuple(label for label, probability in probabilities.items() if probability >= threshold)
        found.append(LabelSet(row.line, row.id, row.text, labels, probabilities, threshold))
    return found


@dataclass(frozen=True, slots=True)
class Mention:
    """One span of a text, in characters."""

    start: int
    end: int
    """Behind the last character."""
    label: str
    text: str
    probability: float
    """The least of its words' probabilities of their tags."""


@dataclass(frozen=True, slots=True)
class MarkedText:
    """The spans of a text, with the place it came from to join by."""

    line: int | None
    """As for a Number."""
    id: str | int | None
    text: str
    spans: tuple[Mention, ...]

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON data."""
        return {**asdict(self), "spans": [asdict(span) for span in self.spans]}

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its line on the console, before the text."""
        return (", ".join(f"{span.label} {span.text!r}" for span in self.spans) or "-",)


def read_spans(tuned: TunedRun, rows: Sequence[Row], texts: Sequence[str]) -> list[MarkedText]:
    """The model's spans of each row; texts beyond the context are read as in training."""
    pieces = pieces_of(tuned.tokenizer, tuned.declares["overlength"])
    model = SpanModel(tuned.load(), tuned.tokenizer, device=pick_device(), pieces=pieces)
    return [
        MarkedText(
            row.line,
            row.id,
            row.text,
            tuple(
                Mention(*span, text=text[span.start : span.end], probability=probability)
                for span, probability in zip(found.spans, found.probabilities, strict=True)
            ),
        )
        for row, text, found in zip(rows, texts, model.marked(texts), strict=True)
    ]


def unsettled(tuned: TunedRun) -> str | None:
    """What of the answers was not chosen yet, and what chooses it; None where nothing is open."""
    if tuned.task.layout != "label_sets" or threshold_of(tuned.path) is not None:
        return None
    return (
        f"no threshold was chosen for this model yet: labels are given from a probability of {DEFAULT_THRESHOLD:g} on; "
        "`tunewright evaluate RECIPE` settles it"
    )


READERS: Mapping[Layout, Callable[[TunedRun, Sequence[Row], Sequence[str]], list[Any]]] = {
    "values": read_numbers,
    "label_sets": read_label_sets,
    "tags": read_spans,
}
"""Layout to what answers rows in it."""

Read = Number | LabelSet | MarkedText
"""What models that read give, beside a class."""
