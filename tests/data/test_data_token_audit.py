"""Every pain that can be seen in tokenised data: planted it is told, and its clean twin is silent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from token_room import BOS, STOP, UNKNOWN, RoomEncoder, chats, frame

from tunewright.core.encoded import EncodedRow, RowContent
from tunewright.data.measure import measure
from tunewright.data.token_audit import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from tunewright.core.rows import Finding
    from tunewright.data.overlength import Policy

ROWS = 150
"""So many that their answers are not few."""


class Bent(RoomEncoder):
    """An encoder with a fault: `bend` is done to every row it gives."""

    def __init__(self, bend: Callable[[EncodedRow], EncodedRow], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bend = bend

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        return [self._bend(row) for row in super().encode(rows)]


@dataclass(frozen=True)
class Case:
    """One pain: the planted data or encoder beside the clean one, which is the same in all else."""

    kind: str
    severity: str
    planted: Callable[[], RoomEncoder] = RoomEncoder
    clean: Callable[[], RoomEncoder] = RoomEncoder
    task: str = "generation"
    policy: Policy = "truncate"
    rows: Sequence[dict[str, Any]] = ()
    """Planted among the clean rows."""
    twins: Sequence[dict[str, Any]] = ()
    """What stands in their place in the clean data."""
    said: str = ""
    count: int | None = None
    around: Sequence[dict[str, Any]] = field(default_factory=lambda: chats(ROWS))


def without_stop(row: EncodedRow) -> EncodedRow:
    """The span ends before its stop token, as where padding is the stop token and is masked by id."""
    return EncodedRow(row.input_ids, tuple((start, end - 1) for start, end in row.loss_spans))


def untrained(row: EncodedRow) -> EncodedRow:
    return EncodedRow(row.input_ids)


def all_trained(row: EncodedRow) -> EncodedRow:
    return EncodedRow(row.input_ids, ((1, len(row.input_ids)),))


def shifted(row: EncodedRow, ids: Sequence[int]) -> EncodedRow:
    """More ids at the start."""
    spans = tuple((start + len(ids), end + len(ids)) for start, end in row.loss_spans)
    return EncodedRow([*ids, *row.input_ids], spans)


def letters(row: EncodedRow) -> EncodedRow:
    """Each word of the answer as sixteen bytes, as for a script the tokenizer was not made for."""
    ((start, end),) = row.loss_spans
    ids = [*row.input_ids[:start], *(number for number in row.input_ids[start : end - 1] for _ in range(16)), STOP]
    return EncodedRow(ids, ((start, len(ids)),))


def unknown_words(row: EncodedRow) -> EncodedRow:
    ((start, end),) = row.loss_spans
    return EncodedRow([*row.input_ids[:start], UNKNOWN, *row.input_ids[start + 1 :]], ((start, end),))


def other_end(row: EncodedRow) -> EncodedRow:
    return EncodedRow([*row.input_ids[:-1], 99], row.loss_spans)


def language_end(row: EncodedRow) -> EncodedRow:
    """A language code stands behind the stop token, as in some multilingual models."""
    ((start, end),) = row.loss_spans
    return EncodedRow([*row.input_ids, 99], ((start, end + 1),))


def untrained_short(row: EncodedRow) -> EncodedRow:
    return row if row.trained > 3 else EncodedRow(row.input_ids)


def other_prompt(row: EncodedRow) -> EncodedRow:
    return EncodedRow([row.input_ids[0], 99, *row.input_ids[2:]], row.loss_spans)


def words(count: int) -> str:
    return " ".join(f"w{n}" for n in range(count))


def talk(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    said = [{"role": role, "content": content} for role, content in turns]
    return {"input": turns[0][1], "target": turns[-1][1], "messages": json.dumps({"turns": said})} | more


def called(question: str, town: str, answer: str) -> dict[str, Any]:
    """A question, a call of a function that says nothing beside, its result, and the answer."""
    call = {"type": "function", "function": {"name": "weather", "arguments": {"town": town}}}
    turns = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "rain"},
        {"role": "assistant", "content": answer},
    ]
    return {"input": question, "target": answer, "messages": json.dumps({"turns": turns})}


SHORT = {"input": "where", "target": "here"}
TEXT = [{"input": f"text {n} {words(9)}"} for n in range(ROWS)]
OWN_TEXT = [
    {"input": f"the tokens BEGIN and END in number {n}", "target": f"is {n} what they say"} for n in range(ROWS)
]

LONG = {"input": "where", "target": words(40)}
ASKED_LONG = {"input": words(30), "target": "here"}
HALF_SAID = talk(("user", "hi"), ("assistant", ""), ("user", "so"), ("assistant", "this"))
MASK_SAID = talk(("user", "hi"), ("assistant", "yes <mask>"), ("user", "so"), ("assistant", "this"))
ALL_SAID = talk(("user", "hi"), ("assistant", "yes"), ("user", "so"), ("assistant", "this"))
GREETED = talk(("assistant", "hello"), ("user", "hi"), ("assistant", "yes"))
GREETED_UNDER_SYSTEM = talk(("system", "this"), ("assistant", "hello"), ("user", "hi"), ("assistant", "yes"))


class PairPrompts(RoomEncoder):
    """Text pairs whose prompts are encoded with these ids before them."""

    def __init__(self, before: Sequence[int] = ()) -> None:
        super().__init__("seq2seq")
        self._before = list(before)

    def prompt_ids(self, row: RowContent) -> list[int]:
        return [*self._before, *self.words(row.input), STOP]


def narrow(max_tokens: int) -> Callable[[], RoomEncoder]:
    return lambda: RoomEncoder(max_tokens=max_tokens)


def bent(bend: Callable[[EncodedRow], EncodedRow]) -> Callable[[], RoomEncoder]:
    return lambda: Bent(bend)


CASES = [
    Case("no_stop_token", "error", bent(without_stop), said=f"{ROWS} answers of {ROWS}, in {ROWS} rows", count=ROWS),
    Case("no_stop_token", "error", lambda: RoomEncoder(stops=frozenset()), said="without a stop token"),
    Case(
        "no_stop_token",
        "error",
        lambda: Bent(other_end, "seq2seq"),
        lambda: Bent(language_end, "seq2seq"),
        task="text_to_text",
    ),
    Case("pad_is_stop", "note", lambda: RoomEncoder(pad=STOP), said="keeps its loss"),
    Case("double_bos", "error", bent(lambda row: shifted(row, [BOS])), count=ROWS),
    Case("double_bos", "warning", rows=[{"input": "what <s> is", "target": "it"}], twins=[SHORT], count=1),
    Case(
        "targets_cut",
        "warning",
        narrow(20),
        rows=[LONG],
        twins=[LONG],
        said="1 row cut to 20 tokens loses 26 target tokens (26 of 1,241 in train)",
    ),
    Case(
        "targets_cut",
        "error",
        narrow(11),
        said=f"{ROWS} rows cut to 11 tokens lose 750 target tokens (750 of 1,200 in train)",
    ),
    Case("targets_cut", "warning", narrow(20), rows=[ASKED_LONG], twins=[ASKED_LONG], said="1 of them lose every"),
    Case(
        "targets_cut",
        "warning",
        narrow(20),
        policy="drop",
        rows=[{"input": "where", "target": words(5000), "split": "test"}],
        twins=[SHORT | {"split": "test"}],
        around=[*chats(ROWS), *chats(9, split="test")],
        said="4,986 target tokens (4,986 of 5,073 in test)",
    ),
    Case(
        "targets_cut",
        "error",
        narrow(20),
        policy="drop",
        rows=[LONG | {"split": "test"}] * 9,
        twins=[SHORT | {"split": "test"}] * 9,
        around=[*chats(ROWS), *chats(9, split="test")],
    ),
    Case(
        "test_without_target",
        "warning",
        narrow(20),
        policy="drop",
        rows=[ASKED_LONG | {"split": "test"}],
        twins=[ASKED_LONG | {"split": "test"}],
        said="1 test row has no target within the context",
    ),
    Case(
        "answer_beyond_context",
        "warning",
        narrow(32),
        narrow(32),
        rows=[{"input": "where", "target": words(32)}],
        twins=[{"input": "where", "target": words(31)}],
        said="the longest has 33",
    ),
    Case("no_room_to_answer", "warning", narrow(20), policy="drop", rows=[ASKED_LONG], twins=[ASKED_LONG], count=1),
    Case("no_trained_tokens", "error", bent(untrained), count=ROWS),
    Case("no_trained_tokens", "error", bent(untrained), task="language_modelling", around=TEXT),
    Case("no_trained_tokens", "warning", bent(untrained_short), rows=[SHORT], twins=[LONG], count=1),
    Case("all_tokens_trained", "error", bent(all_trained), count=ROWS),
    Case("prompt_not_prefix", "error", bent(other_prompt), count=ROWS),
    Case("prompt_not_prefix", "error", lambda: PairPrompts([BOS]), PairPrompts, task="text_to_text"),
    Case("unknown_tokens", "error", bent(unknown_words), said="12.5% of those to be predicted"),
    Case(
        "unknown_tokens",
        "warning",
        rows=[{"input": "where", "target": "<unk> <unk> <unk>"}],
        twins=[{"input": "where", "target": "it is here"}],
        count=1,
    ),
    Case("tokenizer_misfit", "warning", lambda: Bent(letters, max_tokens=200), said="tokens a character"),
    Case(
        "special_token_in_text",
        "warning",
        rows=[{"input": "say <end> now", "target": "no"}],
        twins=[SHORT],
        said="in 1 row (<end>)",
    ),
    Case("special_token_in_text", "warning", rows=[MASK_SAID], twins=[ALL_SAID], said="(<mask>)"),
    Case("empty_answer", "warning", rows=[{"input": "where", "target": " "}], twins=[SHORT], count=1),
    Case("empty_answer", "warning", rows=[HALF_SAID], twins=[ALL_SAID], count=1),
    Case(
        "same_answer",
        "warning",
        rows=[{"input": f"why {n}", "target": "I do not know"} for n in range(50)],
        twins=[{"input": f"why {n}", "target": f"I do not know {n}"} for n in range(50)],
        said="50 of 200 training rows (25%) have the same answer: 'I do not know'",
        count=50,
    ),
    Case(
        "same_answer",
        "warning",
        rows=[
            talk(("user", f"why {n}"), ("assistant", "I do not know"), ("user", "so"), ("assistant", f"no {n}"))
            for n in range(80)
        ],
        twins=[
            talk(("user", f"why {n}"), ("assistant", f"not {n}"), ("user", "so"), ("assistant", f"no {n}"))
            for n in range(80)
        ],
        said="80 of 310 answers in training rows (26%) are the same answer: 'I do not know'",
        count=80,
    ),
    Case(
        "same_answer",
        "warning",
        rows=[called(f"why {n}", "Bern", f"no {n}") for n in range(80)],
        twins=[called(f"why {n}", f"town {n}", f"no {n}") for n in range(80)],
        said='80 of 310 answers in training rows (26%) are the same answer: \'[{"type": "function"',
        count=80,
    ),
    Case("opening_greeting", "note", rows=[GREETED], twins=[ALL_SAID], said="1 conversation opens with", count=1),
    Case("opening_greeting", "note", rows=[GREETED_UNDER_SYSTEM], twins=[ALL_SAID], count=1),
    Case("few_trained_tokens", "warning", rows=[SHORT], twins=chats(ROWS), around=(), said="2 tokens"),
]


def found(case: Case, encoder: RoomEncoder, rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], Finding]:
    measured = measure(frame([*case.around, *rows]), encoder, task=case.task, policy=case.policy)
    return {(finding.kind, finding.severity): finding for finding in measured.findings}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.severity}")
def test_a_planted_pain_is_told_and_its_clean_twin_is_silent(case: Case) -> None:
    planted = found(case, case.planted(), case.rows)
    finding = planted[case.kind, case.severity]
    assert case.said in finding.message
    assert finding.remedy
    assert case.count is None or finding.count == case.count
    clean = found(case, case.clean(), case.twins)
    assert [kind for kind, _ in clean if kind == case.kind] == []


def test_the_table_of_planted_pains() -> None:
    """`python -m pytest tests/data/test_data_token_audit.py -k table -s` prints it."""
    lines = [f"{'pain':24}{'severity':10}{'planted':10}{'clean twin':12}"]
    for case in CASES:
        rings = (case.kind, case.severity) in found(case, case.planted(), case.rows)
        silent = case.kind not in {kind for kind, _ in found(case, case.clean(), case.twins)}
        lines.append(
            f"{case.kind:24}{case.severity:10}{'rings' if rings else 'SILENT':10}{'silent' if silent else 'RINGS'}"
        )
    print("\n" + "\n".join(lines))
    assert not [line for line in lines if "SILENT" in line or "RINGS" in line]


def test_every_check_has_a_planted_pain() -> None:
    assert {check.__name__ for check in CHECKS} == {case.kind for case in CASES}


@pytest.mark.parametrize(
    ("encoder", "task", "rows"),
    [
        (RoomEncoder(), "generation", chats(ROWS)),
        (
            RoomEncoder(),
            "generation",
            [talk(("user", f"hi {n}"), ("assistant", f"yes {n} {words(9)}")) for n in range(ROWS)],
        ),
        (PairPrompts(), "text_to_text", chats(ROWS)),
        (RoomEncoder(), "language_modelling", TEXT),
        (RoomEncoder("masked"), "language_modelling", TEXT),
        (RoomEncoder("classes"), "classification", chats(ROWS, target="refund")),
    ],
    ids=["generation", "chat", "pairs", "raw text", "masked text", "classes"],
)
def test_sound_rows_of_every_layout_have_no_finding(
    encoder: RoomEncoder, task: str, rows: list[dict[str, Any]]
) -> None:
    policy: Policy = "window" if task == "language_modelling" else "truncate"
    assert measure(frame(rows), encoder, task=task, policy=policy).findings == ()


def test_findings_name_the_first_twenty_rows_by_their_line() -> None:
    measured = measure(frame(chats(ROWS)), Bent(without_stop), task="generation", policy="drop")
    (finding,) = (finding for finding in measured.findings if finding.kind == "no_stop_token")
    assert finding.rows == tuple(f"rows.jsonl:{n + 1}" for n in range(20))


def test_one_token_for_the_begin_and_the_end_of_turns_is_no_second_bos() -> None:
    """GPT-2 has one token for both: it ends each turn."""
    encoder = RoomEncoder(bos=STOP, eos=STOP)
    measured = measure(frame([*chats(ROWS), ALL_SAID]), encoder, task="generation", policy="drop")
    assert measured.findings == ()


def test_an_answer_that_calls_a_tool_is_not_empty() -> None:
    calling = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look"}}]}
    row = {"input": "hi", "target": "", "messages": json.dumps({"turns": [{"role": "user", "content": "hi"}, calling]})}

    def with_call(encoded: EncodedRow) -> EncodedRow:
        ((start, end),) = encoded.loss_spans
        return EncodedRow([*encoded.input_ids[: end - 1], 91, 92, STOP], ((start, end + 2),))

    measured = measure(frame([row]), Bent(with_call), task="generation", policy="drop")
    assert "empty_answer" not in {finding.kind for finding in measured.findings}


def splits() -> pl.DataFrame:
    long = {"input": "where", "target": words(40)}
    return frame(
        [
            *chats(3),
            long,
            ASKED_LONG,
            long | {"split": "validation"},
            long | {"split": "test"},
            ASKED_LONG | {"split": "test"},
        ]
    )


def test_figures_count_what_is_trained_and_what_a_cut_took_away() -> None:
    measured = measure(splits(), RoomEncoder(max_tokens=20), task="generation", policy="truncate")
    train, test = measured.figures["train"], measured.figures["test"]
    assert (train.trained_tokens, train.lost_tokens) == (3 * 8 + 15, 26 + 2)
    assert train.trained_share == pytest.approx(39 / (3 * 16 + 20))
    assert (test.trained_tokens, test.lost_tokens) == (15, 26 + 2)
    assert measured.figures["validation"].trained_share == pytest.approx(15 / 20)
    assert measured.kept.height == 7
    assert measured.dropped.select("rule", "line").rows() == [("no_target_left", 5)]
    assert measured.lengths.to_list() == [16, 16, 16, 46, 46, 46, 36]


def test_dropped_rows_are_recorded_and_lose_nothing_by_a_cut() -> None:
    measured = measure(splits(), RoomEncoder(max_tokens=20), task="generation", policy="drop")
    assert measured.dropped.select("rule", "line").rows() == [("overlength", 4), ("overlength", 5), ("overlength", 6)]
    assert {name: figures.lost_tokens for name, figures in measured.figures.items()} == {
        "train": 0,
        "validation": 0,
        "test": 28,
    }
    assert measured.figures["validation"].trained_share is None
    assert measured.kept["split"].to_list() == ["train"] * 3 + ["test"] * 2


def test_windows_are_told_and_are_no_fault() -> None:
    rows = frame([{"input": words(100)}, {"input": words(5)}])
    measured = measure(rows, RoomEncoder(max_tokens=20), task="language_modelling", policy="window")
    (finding,) = (finding for finding in measured.findings if finding.kind == "windows")
    assert (finding.severity, finding.message) == (
        "note",
        "1 text longer than 20 tokens is cut into 6 windows, which lose nothing",
    )
    assert measured.figures["train"].trained_tokens == 101 + 6
    assert measured.figures["train"].lost_tokens == 0


def test_classes_have_no_figures_of_trained_tokens_and_need_no_labels_yet() -> None:
    measured = measure(
        frame(chats(5, target="unheard of")), RoomEncoder("classes"), task="classification", policy="drop"
    )
    assert measured.figures == {}
    assert measured.lengths.to_list() == [6] * 5
