"""Token rows in flat arrays, made from encoded rows and given back as such."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.encoded import IGNORED, OF_ROWS, EncodedRow
from tunewright.core.files import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from tunewright.core.encoded import Layout


@dataclass(frozen=True, slots=True)
class TokenRows:
    """N encoded rows of one split: all ids in one flat array cut by `starts`, all spans in one cut by `span_starts`."""

    row_ids: tuple[str, ...]
    """A row that was cut into windows stands here once a window."""
    flat_ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    """`[N + 1]`: row i holds `flat_ids[starts[i]:starts[i + 1]]`."""
    span_starts: NDArray[np.int64]
    """`[N + 1]`: row i holds `spans_S2[span_starts[i]:span_starts[i + 1]]`."""
    spans_S2: NDArray[np.int64]
    """(start, end) of target tokens, counted from the beginning of their row; of `causal`, never from 0."""
    targets_N: NDArray[np.int64]
    """Class indices; IGNORED for rows whose targets are others."""
    key: str
    """Hash of the rows, the encoder and the policy: the data hash of checkpoints and batch plans."""
    layout: Layout
    value_starts: NDArray[np.int64] | None = None
    """`[N + 1]`: row i holds `values_V[value_starts[i]:value_starts[i + 1]]`; None where no row holds any."""
    values_V: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def lengths_N(self) -> NDArray[np.int64]:
        """Tokens of each row; of `seq2seq`, those of both sides together."""
        return np.diff(self.starts)

    @property
    def trained_N(self) -> NDArray[np.int64]:
        """Targets of each row: tokens in its spans; of `classes`, 1 for a row that has a class; else its values."""
        if self.layout == "classes":
            return np.asarray(self.targets_N != IGNORED, dtype=np.int64)
        if self.layout in OF_ROWS:
            return np.zeros(len(self), np.int64) if self.value_starts is None else np.diff(self.value_starts)
        sums = np.concatenate([[0], np.cumsum(self.spans_S2[:, 1] - self.spans_S2[:, 0])])
        return np.asarray(sums[self.span_starts[1:]] - sums[self.span_starts[:-1]], dtype=np.int64)

    @property
    def held_N(self) -> NDArray[np.int64]:
        """Tokens of each row to hold against the model's context: all; of `seq2seq`, those of the longer side."""
        if self.layout != "seq2seq":
            return self.lengths_N
        sources_N = first_sides(self, np.arange(len(self)))
        return np.asarray(np.maximum(sources_N, self.lengths_N - sources_N), dtype=np.int64)

    @property
    def answers_N(self) -> NDArray[np.int64]:
        """Tokens of each row's last span: its last answer, the stop token included; 0 where it has none."""
        found = np.zeros(len(self), dtype=np.int64)
        has = np.diff(self.span_starts) > 0
        last_S2 = self.spans_S2[self.span_starts[1:][has] - 1]
        found[has] = last_S2[:, 1] - last_S2[:, 0]
        return found

    def ids(self, row: int) -> NDArray[np.int32]:
        """The token ids of one row."""
        return self.flat_ids[self.starts[row] : self.starts[row + 1]]

    def spans(self, row: int) -> NDArray[np.int64]:
        """`[S, 2]`: the spans of one row."""
        return self.spans_S2[self.span_starts[row] : self.span_starts[row + 1]]

    def values(self, row: int) -> NDArray[np.float64]:
        """The values of one row."""
        if self.value_starts is None or self.values_V is None:
            return np.empty(0, np.float64)
        return self.values_V[self.value_starts[row] : self.value_starts[row + 1]]

    def encoded(self, row: int) -> EncodedRow:
        """One row as its encoder gave it."""
        spans = tuple((start, end) for start, end in self.spans(row).tolist())
        return EncodedRow(self.ids(row).tolist(), spans, int(self.targets_N[row]), tuple(self.values(row).tolist()))


def rows_of(row_ids: Iterable[str], encoded: Iterable[Sequence[EncodedRow]], *, key: str, layout: Layout) -> TokenRows:
    """The token rows of encoded rows, which come in chunks so that few of them are held at once."""
    ids: list[NDArray[np.int32]] = []
    spans: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float64]] = []
    lengths, counts, held = [0], [0], [0]
    targets: list[int] = []
    for chunk in encoded:
        lengths.extend(len(row.input_ids) for row in chunk)
        counts.extend(len(row.loss_spans) for row in chunk)
        targets.extend(row.target for row in chunk)
        held.extend(len(row.values) for row in chunk)
        values.append(np.fromiter(chain.from_iterable(row.values for row in chunk), dtype=np.float64))
        ids.append(np.fromiter(chain.from_iterable(row.input_ids for row in chunk), dtype=np.int32))
        spans.append(np.array([span for row in chunk for span in row.loss_spans], dtype=np.int64).reshape(-1, 2))
    rows = TokenRows(
        row_ids=tuple(row_ids),
        flat_ids=np.concatenate([np.empty(0, np.int32), *ids]),
        starts=np.fromiter(accumulate(lengths), dtype=np.int64),
        span_starts=np.fromiter(accumulate(counts), dtype=np.int64),
        spans_S2=np.concatenate([np.empty((0, 2), np.int64), *spans]),
        targets_N=np.array(targets, dtype=np.int64),
        key=key,
        layout=layout,
        value_starts=np.fromiter(accumulate(held), dtype=np.int64) if any(held) else None,
        values_V=np.concatenate([np.empty(0, np.float64), *values]) if any(held) else None,
    )
    _assert_sound(rows)
    return rows


def joined(first: TokenRows, second: TokenRows) -> TokenRows:
    """The rows of both, of one layout without values, the first's before the second's."""
    assert first.layout == second.layout
    assert first.values_V is None
    assert second.values_V is None
    return TokenRows(
        row_ids=first.row_ids + second.row_ids,
        flat_ids=np.concatenate([first.flat_ids, second.flat_ids]),
        starts=np.concatenate([first.starts, first.starts[-1] + second.starts[1:]]),
        span_starts=np.concatenate([first.span_starts, first.span_starts[-1] + second.span_starts[1:]]),
        spans_S2=np.concatenate([first.spans_S2, second.spans_S2]),
        targets_N=np.concatenate([first.targets_N, second.targets_N]),
        key=digest([first.key, second.key]),
        layout=first.layout,
    )


def _assert_sound(rows: TokenRows) -> None:
    """What every reader of token rows builds on; an encoder that breaks it would train on the wrong tokens."""
    assert len(rows.row_ids) == len(rows.targets_N) == len(rows.starts) - 1
    owners = np.repeat(np.arange(len(rows)), np.diff(rows.span_starts))
    first, end = rows.spans_S2[:, 0], rows.spans_S2[:, 1]
    assert (first <= end).all(), "a span ends before it starts"
    assert (first >= (1 if rows.layout == "causal" else 0)).all(), "a span starts where nothing stands before it"
    assert (end <= rows.lengths_N[owners]).all(), "a span ends behind its row"
    follows = owners[1:] == owners[:-1]
    assert (first[1:][follows] >= end[:-1][follows]).all(), "spans of a row overlap"
    if rows.layout == "seq2seq":
        assert not follows.any(), "a text pair has one span, its labels"
        assert (end == rows.lengths_N[owners]).all(), "the labels of a text pair stand last"


def positions(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """`starts[i], starts[i] + 1, …` for `lengths[i]` steps, one stretch behind the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    shifts: NDArray[np.int64] = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(total, dtype=np.int64) + shifts


def within_context(rows: TokenRows, max_tokens: int) -> NDArray[np.bool_]:
    """Whether each row's answer can be written within the context, `[N]`: a causal model's prompt takes its share."""
    if rows.layout != "causal":
        return np.ones(len(rows), dtype=np.bool_)
    return np.asarray(np.diff(rows.starts) <= max_tokens, dtype=np.bool_)


def first_sides(rows: TokenRows, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of `seq2seq`: tokens of each chosen row's first side, the encoder's; the whole row where no answer is known."""
    lengths = rows.starts[chosen + 1] - rows.starts[chosen]
    has = rows.span_starts[chosen + 1] > rows.span_starts[chosen]
    lengths[has] = rows.spans_S2[rows.span_starts[chosen][has], 0]
    return lengths


def trained_flags(rows: TokenRows, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each token of the chosen rows, one row behind the other, is in a span."""
    lengths = rows.starts[chosen + 1] - rows.starts[chosen]
    counts = rows.span_starts[chosen + 1] - rows.span_starts[chosen]
    begins = np.repeat(np.cumsum(lengths) - lengths, counts)
    spans = rows.spans_S2[positions(rows.span_starts[chosen], counts)]
    edges = np.zeros(int(lengths.sum()) + 1, dtype=np.int64)
    np.add.at(edges, begins + spans[:, 0], 1)
    np.add.at(edges, begins + spans[:, 1], -1)
    return np.asarray(np.cumsum(edges[:-1]) > 0, dtype=np.bool_)
