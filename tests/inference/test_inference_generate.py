"""Answers are transformers' own, token by token, whatever stands beside a row; no row waits for another."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import GenerationConfig

from tiny_models import POSITIONS
from tunewright.core.errors import RunError
from tunewright.core.generated import Decoding
from tunewright.inference import generate as room
from tunewright.inference.decoders import decoder_of
from tunewright.inference.generate import GeneratedIds, generate_ids, stream_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tunewright.core.encoded import Layout

SEATED = ("gpt2", "llama", "qwen2", "qwen3", "gemma2", "gemma3_text", "mistral", "phi3")
TOGETHER = ("bloom", "falcon", "lfm2")
PAIRED = ("t5", "bart", "marian")
STOPS = frozenset(range(9, 40))
TIE = 1e-3
"""Logits nearer than this may change places: padding changes the order of additions."""


def prompts_of(count: int, seed: int = 1, lengths: Sequence[int] = (1, 2, 3, 5, 8, 13, 20, 40)) -> list[list[int]]:
    draw = random.Random(seed)
    return [[draw.randrange(9, 320) for _ in range(draw.choice(lengths))] for _ in range(count)]


def layout_of(model: Any) -> Layout:
    return "seq2seq" if model.config.is_encoder_decoder else "causal"


def greedy(
    model: Any, prompts: Sequence[Sequence[int]], *, new: int = 24, stops: Iterable[int] = STOPS, **more: Any
) -> list[GeneratedIds]:
    return generate_ids(
        model,
        prompts,
        stops=frozenset(stops),
        pad_id=0,
        decoding=more.pop("decoding", Decoding(max_new_tokens=new)),
        layout=layout_of(model),
        **more,
    )


def reference(model: Any, prompt: Sequence[int], new: int, stops: Iterable[int]) -> tuple[list[int], list[float]]:
    """What transformers writes for one prompt, and the margin of each token over the second best."""
    start = getattr(model.config, "decoder_start_token_id", None)
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=new,
        eos_token_id=sorted(stops),
        pad_token_id=0,
        decoder_start_token_id=start,
        output_scores=True,
        return_dict_in_generate=True,
    )
    own, model.generation_config = model.generation_config, settings
    try:
        ids = torch.tensor([list(prompt)])
        found = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    finally:
        model.generation_config = own
    best = [scores[0].topk(2).values for scores in found.scores]
    return found.sequences[0, -len(best) :].tolist(), [float(top[0] - top[1]) for top in best]


def assert_equal_up_to_ties(found: Sequence[int], expected: Sequence[int], margins: Sequence[float]) -> None:
    differs = next((n for n, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None)
    if differs is None:
        assert len(found) == len(expected)
    else:
        assert margins[differs] < TIE, f"token {differs} differs at a margin of {margins[differs]}"


@pytest.mark.parametrize("family", [*SEATED, *TOGETHER, *PAIRED])
def test_greedy_answers_are_those_of_transformers_row_by_row(
    tiny: Callable[..., Any], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SEATS", 5)
    model, prompts = tiny(family), prompts_of(17)
    free = greedy(model, prompts, stops=())
    stops = STOPS | {row.ids[7] for row in free[::6]}  # answers of many lengths
    found = greedy(model, prompts, stops=stops)
    for prompt, row in zip(prompts, found, strict=True):
        expected, margins = reference(model, prompt, 24, stops)
        assert_equal_up_to_ties(row.ids, expected, margins)
        assert row.stopped == (row.ids[-1] in stops)
    assert len({len(row.ids) for row in found}) > 1 or family == "t5"


@pytest.mark.parametrize("family", ["llama", "mistral", "bloom", "bart"])
def test_a_row_gets_the_same_answer_alone_in_company_and_in_any_order(tiny: Callable[..., Any], family: str) -> None:
    model, prompts = tiny(family), prompts_of(12, seed=2)
    together = greedy(model, prompts)
    assert [greedy(model, [prompt])[0] for prompt in prompts] == together
    assert greedy(model, prompts[::-1]) == together[::-1]


@pytest.mark.parametrize(("family", "kind"), [
    *((family, "Seated") for family in SEATED),
    *((family, "Together") for family in TOGETHER),
    *((family, "TextToText") for family in PAIRED),
])  # fmt: skip
def test_the_way_of_batching_follows_from_the_models_cache(tiny: Callable[..., Any], family: str, kind: str) -> None:
    model = tiny(family)
    assert type(decoder_of(model, layout=layout_of(model), pad_id=0)).__name__ == f"_{kind}"


def test_positions_that_move_with_the_length_keep_rows_of_one_length_together() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    from tiny_models import WIDTH  # noqa: PLC0415

    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    model = LlamaForCausalLM(LlamaConfig(**WIDTH, rope_parameters=rope)).eval()
    assert type(decoder_of(model, layout="causal", pad_id=0)).__name__ == "_Together"


def passes_of(model: Any, work: Callable[[], object]) -> list[dict[str, Any]]:
    """Keyword arguments of every forward pass during the work."""
    seen: list[dict[str, Any]] = []
    handle = model.register_forward_pre_hook(lambda _m, _a, given: seen.append(given), with_kwargs=True)
    try:
        work()
    finally:
        handle.remove()
    return seen


def test_a_batch_does_not_wait_for_its_longest_answer(
    tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SEATS", 8)
    model, prompts = tiny("llama"), prompts_of(64, seed=3)
    found = greedy(model, prompts, new=60)
    steps = [p["input_ids"].shape for p in passes_of(model, lambda: greedy(model, prompts, new=60))]
    stepped = sum(rows for rows, tokens in steps if tokens == 1)
    drawn = sum(len(row.ids) for row in found)
    waiting = sum(8 * max(len(row.ids) for row in found[at : at + 8]) for at in range(0, 64, 8))
    assert stepped < 1.35 * drawn, "a seat is empty in a quarter of all steps at most"
    assert stepped < 0.7 * waiting


def test_columns_that_no_row_needs_are_forgotten(tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SEATS", 4)
    model, prompts = tiny("llama"), prompts_of(60, seed=4, lengths=(4, 5, 6))
    seen = passes_of(model, lambda: greedy(model, prompts, new=30))
    widths = [p["attention_mask"].shape[1] for p in seen if p["input_ids"].shape[1] == 1]
    assert len(widths) > 100
    assert max(widths) <= 6 + 30


def test_prompt_and_answer_never_exceed_the_context(tiny: Callable[..., Any]) -> None:
    model = tiny("gpt2")
    prompts = prompts_of(6, lengths=(POSITIONS - 5, POSITIONS - 1, POSITIONS, POSITIONS + 9))
    for prompt, row in zip(prompts, greedy(model, prompts, new=24, stops=()), strict=True):
        assert len(row.ids) == max(0, POSITIONS - len(prompt))
        assert row.stopped is (False if len(prompt) < POSITIONS else None), "without room, nobody knows"
    assert [len(row.ids) for row in greedy(model, prompts_of(3, lengths=(4,)), stops=(), max_tokens=9)] == [5] * 3
    assert [len(row.ids) for row in greedy(tiny("bart"), [[9] * 8], stops=(), max_tokens=9)] == [9]


def test_an_empty_prompt_is_refused(tiny: Callable[..., Any]) -> None:
    with pytest.raises(RunError, match="1 of 2 prompts have no tokens, the first at position 1"):
        greedy(tiny("llama"), [[9], []])
    assert greedy(tiny("llama"), []) == []


def test_a_sample_follows_from_seed_and_prompt_alone(tiny: Callable[..., Any]) -> None:
    model, prompts = tiny("llama"), prompts_of(10, seed=6)
    sampled = Decoding(max_new_tokens=12, temperature=1.0, top_p=0.9, seed=3)
    together = greedy(model, prompts, decoding=sampled)
    assert [greedy(model, [prompt], decoding=sampled)[0] for prompt in prompts] == together
    other = Decoding(max_new_tokens=12, temperature=1.0, top_p=0.9, seed=4)
    assert greedy(model, prompts, decoding=other) != together
    assert greedy(model, prompts) != together


@pytest.mark.parametrize("family", ["llama", "bloom", "t5"])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_stream_gives_the_same_tokens_and_can_be_interrupted(
    tiny: Callable[..., Any], family: str, temperature: float
) -> None:
    model, prompt = tiny(family), prompts_of(1, seed=7)[0]
    decoding = Decoding(max_new_tokens=20, temperature=temperature)
    expected = greedy(model, [prompt], decoding=decoding)[0].ids
    stream = stream_ids(model, prompt, stops=STOPS, decoding=decoding, layout=layout_of(model))
    assert tuple(stream) == expected
    left = iter([False, False, False, True])
    drawn = list(
        stream_ids(
            *(model, prompt),
            stops=frozenset(),
            decoding=decoding,
            layout=layout_of(model),
            interrupted=lambda: next(left),
        )
    )
    assert len(drawn) == 3
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("family", ["llama", "bloom", "bart"])
def test_whoever_waits_is_told_how_many_answers_and_tokens_there_are(
    tiny: Callable[..., Any], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SEATS", 3)
    told: list[tuple[int, int]] = []
    found = greedy(tiny(family), prompts_of(10, seed=5), wrote=lambda done, tokens: told.append((done, tokens)))
    assert told == sorted(told)
    assert 0 <= told[0][0] < told[-1][0]
    assert told[-1] == (10, sum(len(row.ids) for row in found))


def test_an_answer_is_all_tokens_but_the_stop_token_that_ended_it() -> None:
    assert GeneratedIds((5, 6, 9), stopped=True).answer == (5, 6)
    assert GeneratedIds((5, 6, 9), stopped=False).answer == (5, 6, 9)
    assert GeneratedIds((), stopped=None).answer == ()
