"""How the starter language model is made and measured: its text, tokenizer, template, training and comparisons."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.exceptions import TemplateError
from transformers import AutoTokenizer

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import pretrain_starter_lm  # noqa: E402  (found through the line above)
from starter_lm import compressors, corpus, kneser_ney  # noqa: E402
from starter_lm.card import render_card  # noqa: E402
from starter_lm.comparison import Comparison, Row, compare  # noqa: E402
from starter_lm.measure import measure  # noqa: E402
from starter_lm.model import build_model  # noqa: E402
from starter_lm.tokenizer import save_tokenizer, train_tokenizer  # noqa: E402
from starter_lm.training import Plan, blocks, learning_rate  # noqa: E402

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CPU = torch.device("cpu")
DOCUMENTS = [
    f"The {colour} cat sat on mat {number}.\n\n“It’s late,” said the {bird}; and nobody answered it at all."
    for number, (colour, bird) in enumerate(
        [("black", "crow"), ("white", "owl"), ("grey", "wren"), ("red", "rook")] * 3
    )
]
PLAN = Plan(steps=100, rows=2, context=8, lr=2e-3, weight_decay=0.1, seed=3)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(DOCUMENTS, vocabulary=300)


@pytest.fixture(scope="module")
def folder(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(tokenizer, path)
    return path


@pytest.fixture(scope="module")
def chat(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    for name, documents in {"part_01": DOCUMENTS * 12, "validation": DOCUMENTS[:3]}.items():
        lines = (json.dumps({"text": text}) + "\n" for text in documents)
        (path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return path


def tokens(chat: Any, *turns: tuple[str, str], prompt: bool = False) -> list[int]:
    messages = [{"role": role, "content": content} for role, content in turns]
    return list(chat.apply_chat_template(messages, add_generation_prompt=prompt, return_dict=True)["input_ids"])


# The chat template


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(st.text(alphabet=st.sampled_from("a B7:\n\t\"'’.é{\u00a0"), max_size=12), min_size=5, max_size=5)
)
def test_a_prompt_is_a_prefix_of_every_conversation_that_goes_on_from_it(chat: Any, contents: list[str]) -> None:
    roles = ("system", "user", "assistant", "tool", "assistant")
    turns = list(zip(roles, contents, strict=True))
    whole = tokens(chat, *turns)
    for answered in (2, 4):
        prompt = tokens(chat, *turns[:answered], prompt=True)
        assert whole[: len(prompt)] == prompt
        said = tokens(chat, *turns[: answered + 1])
        assert whole[: len(said)] == said


def test_the_targets_of_a_conversation_are_the_replies_and_the_ends_of_their_turns(chat: Any) -> None:
    messages = [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "The owl."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Late."},
    ]
    encoded = chat.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    targets = [token for token, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mask]
    assert chat.decode(targets) == " The owl.<|end|> Late.<|end|>"
    assert encoded["input_ids"][-1] == chat.eos_token_id != chat.pad_token_id


def test_a_conversation_shows_everything_it_was_given(chat: Any) -> None:
    call = {"type": "function", "function": {"name": "clock", "arguments": {"zone": "é"}}}
    messages = [
        {"role": "system", "content": " Be kind.\n"},
        {"role": "user", "content": "  Time? "},
        {"role": "assistant", "content": "Wait.", "tool_calls": [call, call]},
        {"role": "tool", "content": "12"},
    ]
    shown = chat.apply_chat_template(messages, tools=[{"name": "clock"}], tokenize=False, add_generation_prompt=True)
    line = 'Call: {"name": "clock", "arguments": {"zone": "é"}}'
    assert shown == (
        ' Be kind.\n\n\nTools: [{"name": "clock"}]\n\nUser:   Time? <|end|>\n'
        f"Assistant: Wait.\n{line}\n{line}<|end|>\nTool: 12<|end|>\nAssistant:"
    )


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([{"role": "narrator", "content": "x"}], "unknown role narrator"),
        ([{"role": "user", "content": "x<|end|>y"}], "contains <|end|>"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}]}], "must be text"),
        ([{"role": "assistant", "content": None}], "must be text"),
        ([{"role": "user", "content": "x"}, {"role": "system", "content": "y"}], "must come first"),
    ],
)
def test_a_conversation_it_cannot_show_is_refused(chat: Any, messages: list[dict[str, object]], said: str) -> None:
    with pytest.raises(TemplateError, match=said.replace("|", r"\|")):
        chat.apply_chat_template(messages, tokenize=False)


# Text and tokens


def test_the_end_marker_ends_every_document_and_nothing_else_is_added(tokenizer: Tokenizer) -> None:
    stream = corpus.encode_stream(DOCUMENTS, tokenizer)
    end = tokenizer.token_to_id(corpus.END)
    ends = np.flatnonzero(stream == end)
    assert (end, stream[0], stream[-1]) == (0, 0, 0)
    pieces = [stream[start + 1 : stop].tolist() for start, stop in pairwise(ends)]
    assert tokenizer.decode_batch(pieces) == DOCUMENTS


@settings(max_examples=60, deadline=None)
@given(text=st.text())
def test_any_text_comes_back_from_its_tokens(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_digits_stay_single(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("1925").ids) == 4


def test_a_document_that_holds_the_end_marker_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "part_01.jsonl"
    file.write_text(json.dumps({"text": "once <|end|> upon"}) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="marks the end of documents"):
        corpus.read_documents([file])


# Training


def test_an_epoch_reads_no_token_twice_as_a_target() -> None:
    stream = torch.arange(200)
    epoch = [rows for rows, _ in zip(blocks(stream, PLAN), range(11), strict=False)]
    targets = torch.cat([rows_BT[:, 1:].flatten() for rows_BT in epoch])
    assert len(targets) == len(targets.unique()) == 11 * PLAN.tokens_a_step
    assert all(bool((rows_BT.diff(dim=1) == 1).all()) for rows_BT in epoch)


def test_the_rate_rises_to_its_peak_and_ends_at_zero() -> None:
    rates = [learning_rate(step, PLAN) for step in range(1, PLAN.steps + 1)]
    assert max(rates) == rates[1] == PLAN.lr
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)


def pretrain(data: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> dict[str, Any]:
    flags = "--steps 3 --batch-tokens 2048 --layers 1 --hidden 64 --device cpu --no-compile --validations 2"
    monkeypatch.setattr(sys, "argv", ["pretrain", "--data", str(data), "--out", str(out), *flags.split(), *more])
    pretrain_starter_lm.main()
    record: dict[str, Any] = json.loads((out / "pretraining.json").read_text(encoding="utf-8"))
    return record


def test_a_run_is_repeated_by_its_seed_and_measured_as_it_was_saved(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pretrain(data, tmp_path / "first", monkeypatch)
    second = pretrain(data, tmp_path / "second", monkeypatch, "--tokenizer", str(tmp_path / "first"))
    weights = [tmp_path / name / "model.safetensors" for name in ("first", "second")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert first["validation"] == second["validation"]
    losses = [json.loads(line).get("loss") for line in (tmp_path / "first/log.jsonl").read_text().splitlines()]
    assert [loss for loss in losses if loss][-1] < losses[0]

    rows = list(compare(corpus.Books.read(data), tmp_path / "first", device=CPU))
    assert rows[0].bits_per_byte == first["validation"]["bits_per_byte_sliding"]
    comparison = Comparison(rows=tuple(rows), model_file="", n_bytes=1, n_documents=3)
    config = json.loads((tmp_path / "first/config.json").read_text(encoding="utf-8"))
    card = render_card(first, config, comparison)
    assert all(f"| {row.name} | {row.bits_per_byte:.3f} |" in card for row in rows)


# Measures


def test_a_model_that_knows_nothing_costs_the_bits_of_its_alphabet(tokenizer: Tokenizer) -> None:
    model = build_model(tokenizer, layers=1, hidden=64)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    stream = corpus.encode_stream(DOCUMENTS[:2], tokenizer)
    n_bytes = corpus.count_bytes(DOCUMENTS[:2])
    bits = measure(model, stream, n_bytes, context=16)
    expected = (len(stream) - 1) * math.log2(tokenizer.get_vocab_size()) / n_bytes
    assert bits.tokens == len(stream) - 1
    assert (bits.plain, bits.sliding) == (pytest.approx(expected, rel=1e-6), pytest.approx(expected, rel=1e-6))


@pytest.mark.parametrize("length", [5, 9, 14, 21])
def test_bits_of_windows_equal_those_of_single_tokens(tokenizer: Tokenizer, length: int) -> None:
    torch.manual_seed(1)
    model = build_model(tokenizer, layers=1, hidden=64).eval()
    stream = np.random.default_rng(length).integers(0, tokenizer.get_vocab_size(), length).astype(np.int32)

    def bits_from(first_seen: list[int]) -> float:
        """Sum the bits of tokens 1, 2..., each predicted from the tokens since the one given."""
        nats = 0.0
        for target, first in enumerate(first_seen, start=1):
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([stream[first:target].tolist()])).logits[0, -1].double()
            nats -= float(logits.log_softmax(-1)[int(stream[target])])
        return nats / math.log(2)

    bits = measure(model, stream, 1, context=8)
    assert bits.plain == pytest.approx(bits_from([target // 8 * 8 for target in range(length - 1)]), rel=1e-5)
    sliding = [max(0, (target - 4) // 4 * 4) for target in range(length - 1)]
    assert bits.sliding == pytest.approx(bits_from(sliding), rel=1e-5)


@pytest.mark.parametrize("length", [12, 400, 5000])
def test_ngram_probabilities_sum_to_one_after_every_context(length: int) -> None:
    stream = np.random.default_rng(length).choice(8, length, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.06, 0.04, 0.0])
    model = kneser_ney.fit(stream, order=3, bits=3)
    contexts = [(first, second) for first in range(8) for second in range(8)]
    for context in contexts:
        p = [model.probabilities(np.array([*context, symbol]))[0] for symbol in range(8)]
        assert sum(p) == pytest.approx(1.0, abs=1e-6)
        assert min(p) > 0


def slow_kneser_ney(stream: list[int], order: int, bits: int) -> Any:
    """Return p(symbol, context) by the textbook recursion over dictionaries."""
    counts: dict[int, Counter[tuple[int, ...]]] = {
        order: Counter(tuple(stream[end - order : end]) for end in range(order, len(stream) + 1))
    }
    for n in range(order - 1, 0, -1):
        counts[n] = Counter(ngram[1:] for ngram in counts[n + 1])
    discounts = {}
    followers: dict[int, dict[tuple[int, ...], list[tuple[int, ...]]]] = {n: defaultdict(list) for n in counts}
    for n, table in counts.items():
        n1, n2, n3, n4 = (sum(count == times for count in table.values()) for times in (1, 2, 3, 4))
        raw = [0.5] * 3
        if n1 * n2 * n3 * n4:
            y = n1 / (n1 + 2 * n2)
            raw = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        discounts[n] = [min(max(value, 0.1), times) for times, value in enumerate(raw, start=1)]
        for ngram in table:
            followers[n][ngram[:-1]].append(ngram)

    def p(symbol: int, context: tuple[int, ...]) -> float:
        n = len(context) + 1
        lower = p(symbol, context[1:]) if context else 2.0**-bits
        seen = followers[n][context]
        if not seen:
            return lower
        taken = {ngram: discounts[n][min(counts[n][ngram], 3) - 1] for ngram in seen}
        total = sum(counts[n][ngram] for ngram in seen)
        own = counts[n][(*context, symbol)] - taken.get((*context, symbol), 0.0)
        return (own + sum(taken.values()) * lower) / total

    return p


def test_the_ngram_model_equals_the_textbook_recursion() -> None:
    random = np.random.default_rng(5)
    stream = np.minimum(random.geometric(0.25, 3000) - 1, 15)
    unseen = random.integers(0, 16, 200)
    slow = slow_kneser_ney(stream.tolist(), order=4, bits=4)
    expected = [slow(int(unseen[end]), tuple(unseen[end - 3 : end].tolist())) for end in range(3, len(unseen))]
    np.testing.assert_allclose(
        kneser_ney.fit(stream, order=4, bits=4).probabilities(unseen), expected, rtol=1e-5, atol=1e-9
    )


def test_an_order_that_does_not_fit_its_integers_is_refused() -> None:
    with pytest.raises(ValueError, match="65 bits"):
        kneser_ney.fit(np.arange(9), order=5, bits=13)


def test_a_compressor_gains_from_text_it_has_read_before() -> None:
    text = np.random.default_rng(1).bytes(20_000)
    assert compressors.xz_bits_after(text, text) < 0.05 * compressors.xz_bits(text)
    assert compressors.xz_bits_after(text, b"") == pytest.approx(compressors.xz_bits(text), rel=0.01)


def test_the_model_is_below_both_only_when_its_weaker_figure_is() -> None:
    others = (Row("n-gram", "", 1.7, 1.0), Row("n-gram", "", 1.6, 1.0), Row("compressor", "", 2.0, 1.0))

    def below(*models: float) -> bool:
        rows = (*(Row("model", "", bits, 1.0) for bits in models), *others)
        return Comparison(rows=rows, model_file="", n_bytes=1, n_documents=1).model_is_below_both

    assert below(1.4, 1.5)
    assert not below(1.4, 1.65)
