"""The names of a row's columns, and the facts the data room finds about rows. Tables themselves are polars frames."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # core.codec reads the types at run time
from dataclasses import dataclass, field
from typing import Literal

ROW_COLUMNS = ("row_id", "content_key", "source", "line", "group", "split", "input", "messages", "target", "meta")
"""All strings, but `line` (integer from 1: where the record begins). `meta` is JSON text.

`group` may be null. `messages` is JSON text of a `core.conversation.Conversation` for the task `generation`, else null;
`input` then holds the words of the turns before the last trained answer, and `target` that answer. `target` is null for
the task `language_modelling`, whose text is `input`.
"""

SPLIT_COLUMNS = (*ROW_COLUMNS, "near")
"""Of rows whose split is settled. `near` names the row's cluster of near-duplicates among the kept rows of all splits,
by the least content key of the cluster; null where no kept row is like it, or nobody looked.
"""

DROPPED_COLUMNS = (*ROW_COLUMNS, "rule", "action", "before")
"""`rule` is why; `action` is `dropped` or `changed`; `before` is JSON text of the fields as they were."""

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an audit found: what, how much, in which rows, what to do."""

    kind: str
    """Such as `exact_duplicate`, `contradiction`, `label_variant`, `imbalance`."""
    severity: Literal["error", "warning", "note"]
    message: str
    """One sentence with the figure."""
    count: int
    rows: tuple[str, ...] = ()
    """Source and line of at most 20 rows, as `tickets.csv:17`."""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A sample's shape: quantiles and a histogram with equal-width bins."""

    n: int
    minimum: float
    p50: float
    p95: float
    p99: float
    maximum: float
    mean: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SplitProfile:
    """One split in figures."""

    rows: int
    labels: Mapping[str, int]
    characters: Distribution | None
    tokens: Distribution | None
    overlength: int
    """Rows longer than the model's context."""
    trained_tokens: int | None = None
    """Tokens with a loss, after cutting; None for a task whose targets are no tokens."""
    trained_share: float | None = None
    """Share of all tokens that have a loss."""
    lost_tokens: int | None = None
    """Tokens with a loss that cutting took away."""
    numbers: Distribution | None = None
    """Of targets that are numbers."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What one method of `data.augment` made."""

    method: str
    made: int
    """Texts that it was asked for."""
    kept: Mapping[str, int]
    """Label to the rows that were added to training."""
    refused: Mapping[str, int]
    """Reason to the texts that were not; made = kept + refused."""

    @property
    def rows(self) -> int:
        """Rows that were added."""
        return sum(self.kept.values())


@dataclass(frozen=True, slots=True)
class Profile:
    """The data in figures, as the report and the card show them."""

    read: int
    """Records read from all files."""
    kept: int
    dropped: Mapping[str, int]
    """Rule to count; read = kept + all dropped."""
    changed: Mapping[str, int]
    labels: tuple[str, ...]
    """All class names in a fixed order: the order of the model's outputs."""
    imbalance_ratio: float | None
    """Rows of the largest class over rows of the smallest, on the training rows as they were read: before
    `data.augment` and `data.balance`."""
    splits: Mapping[str, SplitProfile]
    findings: tuple[Finding, ...]
    sources: Mapping[str, str]
    """Path or name of each source to the sha256 of its bytes."""
    replayed: int = 0
    """Rows of an earlier run's training that were mixed into the training rows; `read` and `kept` count them."""
    languages: Mapping[str, int] | None = None
    """Kept rows of each language (ISO 639-1, or `unknown`), the most frequent first; where there are very many rows, of
    some thousand of them at equal distances."""
    private: Mapping[str, int] | None = None
    """Kind of private data (`core.private`) to the values found in the texts; None where nobody looked."""
    copied: int = 0
    """Copies of training rows that `data.balance` made; `read` and `kept` count them."""
    balanced: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Group to its training rows before and after `data.balance`; empty where nothing was balanced."""
    unbalanced_labels: Mapping[str, int] = field(default_factory=dict)
    """Training rows of each label before `data.augment` and `data.balance`; empty where neither did anything."""
    general: int = 0
    """Passages of general text that are trained on beside the rows; not among `read` and `kept`."""
    augmented: tuple[Augmentation, ...] = ()
    """What each method of `data.augment` made; `read` and `kept` count the rows that were added."""
