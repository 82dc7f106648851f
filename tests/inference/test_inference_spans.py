"""Tags of words by a model: the best valid sequence, words without a token, and texts beyond the context."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tiny_room import save_base, word_tokenizer
from tunewright.core.encoded import RowContent
from tunewright.core.errors import RunError
from tunewright.core.spans import Span, spans_of, tag_names, tags_of, to_json, words_of
from tunewright.data.overlength import fit_row
from tunewright.inference.spans import SpanModel, WordVectors, best_tags, log_softmax, marked
from tunewright.models.load import load_classifier
from tunewright.models.tag_encoder import NO_PIECE, TagEncoder, first_pieces
from tunewright.models.tokenizer import SettledTokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.data.overlength import Policy

NAMES = tag_names(("A", "B"))


def valid(path: tuple[int, ...]) -> bool:
    return all(
        tag == 0 or tag % 2 == 1 or before in {tag, tag - 1} for before, tag in zip((0, *path), path, strict=False)
    )


@given(st.integers(1, 4), st.integers(0, 500))
def test_the_best_tags_are_the_most_probable_of_all_valid_sequences(words: int, seed: int) -> None:
    logs_WK = np.log(np.random.default_rng(seed).dirichlet(np.ones(len(NAMES)), size=words))
    paths = [path for path in product(range(len(NAMES)), repeat=words) if valid(path)]
    best = max(paths, key=lambda path: sum(logs_WK[word, tag] for word, tag in enumerate(path)))
    assert best_tags(logs_WK) == list(best)


def test_no_word_has_no_tags() -> None:
    assert best_tags(np.empty((0, 5))) == []


def vectors(text: str, alone: list[bool], favoured: list[int]) -> tuple[WordVectors, Any]:
    """Words whose logits favour a tag; NaN for a word of which the model says nothing."""
    logits_WK = np.full((len(favoured), len(NAMES)), -4.0, dtype=np.float32)
    for word, tag in enumerate(favoured):
        logits_WK[word] = np.where(np.arange(len(NAMES)) == tag, 4.0, -4.0) if tag >= 0 else np.nan
    found = WordVectors(tuple(words_of(text)), logits_WK, np.array(alone))
    return found, log_softmax(logits_WK)


def test_a_word_without_a_token_goes_on_and_one_beyond_the_context_is_unmarked() -> None:
    found, logs = vectors("a b c d e", [True, False, True, False, True], [1, -1, 0, -1, -1])
    told = marked(found, logs, NAMES)
    assert told.spans == (Span(0, 3, "A"),)
    assert 0.9 < told.probabilities[0] < 1


def test_the_probability_of_a_span_is_that_of_its_least_sure_word() -> None:
    found, logs = vectors("a b c", [True] * 3, [1, 2, 2])
    logs[1, 2] = np.log(0.3)
    assert marked(found, logs, NAMES).probabilities == pytest.approx([0.3])


@pytest.mark.parametrize(
    ("offsets", "text", "expected"),
    [
        ([(0, 0), (0, 3), (4, 6), (6, 8), (0, 0)], "Ann Leeds", [1, 2]),
        ([(0, 3), (3, 5), (5, 6)], "Ann S.", [0, 1, 2]),
        ([(0, 3), (3, 6)], "Ann S.", [0, 1, NO_PIECE]),
        ([(0, 0), (0, 1), (0, 1), (2, 3)], "東 x", [1, 3]),
        ([(0, 3)], "Ann Lee", [0, NO_PIECE]),
        ([], "Ann", [NO_PIECE]),
    ],
)
def test_the_first_piece_of_a_word_is_its_own_or_none(
    offsets: list[tuple[int, int]], text: str, expected: list[int]
) -> None:
    class Encoding:
        def __init__(self) -> None:
            self.offsets = offsets

    assert first_pieces(Encoding(), words_of(text)) == expected


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("tags") / "base")


def tokenizer(max_tokens: int = 40) -> SettledTokenizer:
    return SettledTokenizer(word_tokenizer(), max_tokens)


TEXT = " ".join(f"word{n}" for n in range(30))
SPANS = [Span(0, 11, "A"), Span(TEXT.index("word14"), TEXT.index("word17") - 1, "B")]


def test_a_row_has_a_tag_for_the_first_piece_of_each_word_and_keeps_them_when_it_is_cut() -> None:
    encoder = TagEncoder(tokenizer(), ("A", "B"))
    (row,) = encoder.encode([RowContent(TEXT, target=to_json(SPANS))])
    tags = [NAMES[int(value)] for value in row.values]
    assert tags == tags_of(words_of(TEXT), SPANS)
    assert row.loss_spans == ((1, 31),)
    cut = encoder.cut(row, 12)
    assert (len(cut.input_ids), cut.loss_spans, cut.values) == (12, ((1, 11),), row.values[:10])
    assert cut.input_ids[-1] == row.input_ids[-1]


@given(st.integers(4, 40))
def test_windows_hold_each_tag_once_in_order(max_tokens: int) -> None:
    encoder = TagEncoder(tokenizer(max_tokens), ("A", "B"))
    (row,) = encoder.encode([RowContent(TEXT, target=to_json(SPANS))])
    pieces = fit_row(row, encoder, policy="window", test=False)
    assert tuple(chain(*(piece.values for piece in pieces))) == row.values
    assert all(len(piece.input_ids) <= max_tokens for piece in pieces)
    inside = [piece.input_ids[start:end] for piece in pieces for start, end in piece.loss_spans]
    assert list(chain(*inside)) == row.input_ids[1:-1]


def test_a_window_within_one_word_is_read_and_not_trained() -> None:
    """It has no first piece of a word, and so no target: a step of it alone could not be divided by its targets."""
    encoder = TagEncoder(tokenizer(12), ("A", "B"))
    (row,) = encoder.encode([RowContent(TEXT, target=to_json(SPANS))])
    long_word = replace(row, loss_spans=((1, 3), (25, 31)), values=row.values[:2] + row.values[24:])
    trained, read = (fit_row(long_word, encoder, policy="window", test=test) for test in (False, True))
    assert [piece.trained for piece in read] == [2, 0, 6]
    assert trained == (read[0], read[2])


def model(base: Path, max_tokens: int, policy: Policy) -> SpanModel:
    settled = tokenizer(max_tokens)
    network = load_classifier(base, NAMES, dropout=0.0, seed=1, problem=None, layout="tags")
    with torch.no_grad():
        network.classifier.weight.mul_(40)  # else a random head favours one tag everywhere
    pieces = partial(fit_row, encoder=TagEncoder(settled, ()), policy=policy, test=True)
    return SpanModel(network, settled, device="cpu", pieces=pieces)


def test_spans_are_those_of_the_networks_own_logits(base: Path) -> None:
    ours = model(base, 40, "window")
    assert ours.labels == ("A", "B")
    texts = [TEXT, "word1 word2", "word3", ""]
    network = load_classifier(base, NAMES, dropout=0.0, seed=1, problem=None, layout="tags").eval()
    with torch.no_grad():
        network.classifier.weight.mul_(40)
        for text, found in zip(texts, ours.marked(texts), strict=True):
            ids = torch.tensor(tokenizer().encode([text]))
            logs = torch.log_softmax(network(ids).logits[0, 1:-1].double(), dim=-1).numpy()
            assert found.spans == spans_of(words_of(text), [NAMES[tag] for tag in best_tags(logs)])


def test_a_text_beyond_the_context_is_read_in_windows_or_cut_as_in_training(base: Path) -> None:
    (whole,) = model(base, 12, "window").marked([TEXT])
    (cut,) = model(base, 12, "truncate").marked([TEXT])
    edge = words_of(TEXT)[9][1]
    assert [span for span in whole.spans if span.end < edge] == [span for span in cut.spans if span.end < edge]
    assert all(span.end <= edge for span in cut.spans)
    assert any(span.start > edge for span in whole.spans)
    parts = [" ".join(TEXT.split()[start : start + 10]) for start in (0, 10, 20)]
    apart = [span for found in model(base, 12, "window").marked(parts) for span in found.spans]
    assert len(whole.spans) <= len(apart)


def test_logits_that_are_not_finite_stop_with_a_word(base: Path) -> None:
    broken = load_classifier(base, NAMES, dropout=0.0, seed=1, problem=None, layout="tags")
    with torch.no_grad():
        broken.classifier.bias.fill_(float("nan"))
    pieces = partial(fit_row, encoder=TagEncoder(tokenizer(), ()), policy="window", test=True)
    with pytest.raises(RunError, match="not finite"):
        list(SpanModel(broken, tokenizer(), device="cpu", pieces=pieces).marked(["word1"]))
