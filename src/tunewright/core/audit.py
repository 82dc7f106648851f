"""What an audit of a data file found, as the terminal, the page, the tables and `--json` show it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # core.codec reads the types at run time
from dataclasses import dataclass
from typing import Literal

from tunewright.core.errors import Problem  # noqa: TC001  # likewise
from tunewright.core.rows import Distribution, Finding, Profile  # noqa: TC001  # likewise

Trait = Literal["empty", "constant", "near_constant", "identifier"]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A raw column in figures."""

    name: str
    kind: str
    """`empty`, `constant`, `date`, `number`, `words` (short values), `text` (free text) or `nested`."""
    filled: int
    missing: int
    distinct: int
    examples: tuple[str, ...]
    mean_chars: float
    mean_words: float
    top_share: float | None
    """Share of the filled cells that hold the most frequent value; None for a column without any, and for lists."""
    trait: Trait | None
    """What makes the column useless to learn from, if anything does."""
    role: str = ""
    """What the column is taken for, such as `input` or `target`."""


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """Labels in figures, over all kept rows."""

    counts: Mapping[str, int]
    """The most frequent first."""
    imbalance_ratio: float
    """Rows of the largest class over rows of the smallest."""
    entropy_bits: float
    """Shannon entropy of the label shares."""
    evenness: float | None
    """Entropy over its maximum, log2 of the number of labels; None for one label."""


@dataclass(frozen=True, slots=True)
class Association:
    """How far a column, or a property of the text, gives the label away."""

    column: str
    """The column's name, or `length` for bands of the text's length in characters."""
    rows: int
    """Rows with a value; drawn by chance where the data has more than are looked at."""
    values: tuple[str, ...]
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """Rows of each value (outer) and label (inner)."""
    cramers_v: float
    """Cramér's V without its bias (Bergsma 2013): 0 unrelated, 1 a function of one another."""
    information_bits: float
    """Mutual information, plug-in."""
    p_value: float
    test: Literal["chi-square", "permutation"]
    p_adjusted: float
    """By Holm over all columns looked at."""
    skewed: bool
    """Whether the association is both certain and strong enough to be learned as a shortcut."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How varied and how repetitive the texts are, on a sample of fixed size so that data sets compare."""

    rows: int
    """Texts the words were drawn from."""
    words: int
    """Words looked at: the first 10,000 of texts in random order, or all there are."""
    distinct: int
    type_token_ratio: float
    distinct_2: float | None
    """Different pairs of words among all pairs (distinct-2, Li et al. 2016); None without a pair."""
    distinct_3: float | None
    shared_openings: float
    """Share of the texts that begin with three words that another text of the sample begins with."""
    top_opening: str
    top_opening_share: float


@dataclass(frozen=True, slots=True)
class TokenFit:
    """How a base's tokenizer and context fit the texts, on a sample."""

    model: str
    rows: int
    max_tokens: int
    tokens: Distribution
    """Tokens a row, special tokens included."""
    tokens_per_word: float | None
    bytes_per_token: float | None
    unknown_share: float | None
    """Share of the tokens that stand for what the vocabulary cannot write; None where there is no such token."""
    overlong_share: float
    """Share of the rows longer than the context."""
    lost_share: float | None
    """Share of the target tokens beyond the context, were rows cut; None for a task whose targets are no tokens."""


@dataclass(frozen=True, slots=True)
class Group:
    """Production rows that resemble each other and no training row."""

    rows: int
    words: tuple[str, ...]
    """The words that mark them."""
    example: str
    place: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One property of the data beside the same of production."""

    what: Literal["length", "label", "language", "vocabulary"]
    statistic: str
    """Which measure `value` is."""
    value: float | None
    """0 is no difference; None is unknown, for the reason given."""
    p_value: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TwoSample:
    """Whether a classifier can tell production from the data (Lopez-Paz & Oquab 2017)."""

    rows: tuple[int, int]
    """Different texts of the data and of production that it was tried on."""
    auc: float | None
    """Cross-validated: 0.5 is chance; None is unknown, for the reason given."""
    low: float | None
    high: float | None
    p_value: float | None
    words: tuple[str, ...] = ()
    """Words that speak most for production."""
    other_words: tuple[str, ...] = ()
    """Words that speak most for the data."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """The data beside a sample of production."""

    against: str
    rows: int
    """Records of the sample with a text."""
    compared: tuple[Compared, ...]
    two_sample: TwoSample
    uncovered_share: float | None
    """Share of production rows farther from every training row than 99 % of training rows are; None is unknown."""
    uncovered_rows: int
    """Production rows that this share is of."""
    groups: tuple[Group, ...]
    characters: Distribution | None
    labels: Mapping[str, int] | None
    """Labels of production; None where it has none."""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """One row on the map."""

    x: float
    y: float
    label: str
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class TextMap:
    """The rows' embeddings in two dimensions: near points are texts that the base sees alike."""

    method: str
    """Such as `t-SNE`."""
    model: str
    of_rows: int
    """Rows that the points were drawn from."""
    points: tuple[MapPoint, ...]


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A row as people see it."""

    place: str
    text: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that was found."""

    source: str
    format: str
    encoding: str
    """Empty for binary formats."""
    read: int
    task: str | None
    """None where no task could be told: then only the columns are known."""
    task_reason: str
    alternatives: tuple[str, ...]
    columns: tuple[ColumnProfile, ...]
    findings: tuple[Finding, ...]
    """Errors first, then warnings, then notes."""
    faults: tuple[Problem, ...] = ()
    """What keeps the data from being prepared, each with file and line."""
    fault_kind: str = ""
    """Who can act on the faults: `data` or `recipe`."""
    profile: Profile | None = None
    """As `prepare` would write it; None where the data cannot be prepared."""
    characters: Distribution | None = None
    words: Distribution | None = None
    labels: LabelFigures | None = None
    associations: tuple[Association, ...] = ()
    vocabulary: Vocabulary | None = None
    tokens: tuple[TokenFit, ...] = ()
    shift: Shift | None = None
    """None where no sample of production was given."""
    map: TextMap | None = None
    samples: tuple[SampleRow, ...] = ()

    def of(self, severity: str) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity == severity)

    @property
    def exit_code(self) -> int:
        """0: nothing would stop a run; 1: a finding is an error; 2: it is not as asked; 3: the data is wrong."""
        if self.faults:
            return 3 if self.fault_kind == "data" else 2
        return 1 if self.of("error") else 0
