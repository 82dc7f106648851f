"""Rows that the recipe does not want: each leaves with its rule, and the user's own test is never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from data_room import law, prepared, public_data, tickets, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.conditions import kept_by
from tunewright.data.languages import UNKNOWN, language_of
from tunewright.data.lock import write_lock
from tunewright.data.quality import c4_reason, gopher_reason
from tunewright.data.read import read_table
from tunewright.recipe.clean import FilterSpec
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

RECORDS: list[dict[str, Any]] = [
    {"city": "Cork", "stars": 5, "ok": True, "note": "late again"},
    {"city": "Cork", "stars": 2, "ok": False, "note": None},
    {"city": "Galway", "stars": None, "ok": None, "note": ""},
    {"city": None, "stars": 3, "ok": True, "note": "Late"},
]


def kept(folder: Path, text: str, *, form: str) -> list[int]:
    if form == "csv":
        cells = [
            {name: "" if v is None else str(v).lower() if v in (True, False) else v for name, v in r.items()}
            for r in RECORDS
        ]
        write_csv(folder / "rows.csv", cells, columns=list(RECORDS[0]))
    else:
        write_jsonl(folder / "rows.jsonl", RECORDS)
    table = read_table(f"rows.{form}", folder=folder, spec=DataSpec(train=f"rows.{form}"))
    mask: pl.Series = kept_by(text, table)
    return [number for number, keep in enumerate(mask) if keep]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('city == "Cork"', [0, 1]),
        ('city != "Cork"', [2, 3]),
        ('not city == "Cork"', [2, 3]),
        ("stars >= 3", [0, 3]),
        ("not stars >= 3", [1, 2]),
        ("stars in [2, 3]", [1, 3]),
        ("stars not in [2, 3]", [0, 2]),
        ("stars is missing or note is missing", [1, 2]),
        ("note is not missing and ok == true", [0, 3]),
        ("ok != true", [1, 2]),
        ('note contains "ate"', [0, 3]),
        ('note not contains "late"', [1, 2, 3]),
        ('note contains " "', [0]),
        ('city == "Cork" and (stars < 3 or ok == true)', [0, 1]),
        ('city < "D"', [0, 1]),
    ],
)  # fmt: skip
def test_a_condition_keeps_the_rows_that_fulfil_it(tmp_path: Path, form: str, text: str, rows: list[int]) -> None:
    assert kept(tmp_path, text, form=form) == rows


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@law(60)
@given(data=st.data())
def test_a_condition_and_its_opposite_part_the_rows(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    simple = st.sampled_from(
        ['city == "Cork"', "stars > 2", "ok == false", "note is missing", 'city in ["Cork", "Galway"]']
    )
    text = data.draw(
        st.recursive(
            simple,
            lambda part: st.tuples(part, st.sampled_from(["and", "or"]), part).map(
                lambda p: f"({p[0]} {p[1]} not {p[2]})"
            ),
            max_leaves=6,
        )
    )
    folder = tmp_path_factory.mktemp("rows")
    there, others = kept(folder, text, form=form), kept(folder, f"not ({text})", form=form)
    assert sorted(there + others) == list(range(len(RECORDS)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('citi == "Cork"', "at character 1: .* no column 'citi'.*did you mean 'city'"),
        ("city == 3", "holds the text 'Cork', and is compared with the number 3"),
        ("city == true", "holds no truth values"),
        ("ok < true", "compared by order"),
        ('city == ""', "write `is missing`"),
    ],
)
def test_a_condition_that_does_not_fit_the_columns_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        kept(tmp_path, text, form="csv")


def test_numbers_of_a_typed_column_are_not_compared_with_texts(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no texts"):
        kept(tmp_path, 'stars == "3"', form="jsonl")


def test_rows_leave_by_their_rule_and_those_of_an_own_test_stay(tmp_path: Path) -> None:
    columns = ("text", "label", "region")
    rows = [row | {"region": "Cork" if n % 2 else "Lisbon"} for n, row in enumerate(tickets(60, ("a", "b", "c")))]
    write_csv(tmp_path / "train.csv", rows, columns)
    write_csv(
        tmp_path / "test.csv", [row | {"region": "Lisbon"} for row in tickets(9, ("a", "b", "c"), start=100)], columns
    )
    spec = DataSpec(train="train.csv", test="test.csv", keep_if='region == "Cork"', filter=FilterSpec(max_chars=26))
    found = prepared(tmp_path, spec)
    assert found.profile.dropped["keep_if"] == 30
    assert found.splits["test"].height == 9
    assert found.profile.read == found.profile.kept + sum(found.profile.dropped.values()) == 69
    told = {finding.kind: finding for finding in found.profile.findings}
    assert told["keep_if"].count == 30
    assert told["filtered_test"].count == 9
    assert all(len(text) <= 26 for name in ("train", "validation") for text in found.splits[name]["input"])


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"min_chars": 3}, "min_chars"),
        ({"max_chars": 60}, "max_chars"),
        ({"min_words": 2}, "min_words"),
        ({"max_words": 12}, "max_words"),
    ],
)
def test_each_bound_drops_what_lies_beyond_it(tmp_path: Path, limits: dict[str, int], rule: str) -> None:
    text = "no" if rule.startswith("min") else " ".join(["word"] * 20)
    write_csv(tmp_path / "train.csv", [*tickets(40), {"text": text, "label": "refund"}])
    found = prepared(tmp_path, DataSpec(train="train.csv", filter=FilterSpec(**limits)))
    assert found.dropped.select("line", "rule").rows() == [(42, rule)]


def test_bounds_that_no_text_meets_are_refused() -> None:
    with pytest.raises(ValueError, match="min_words is 5 and max_words is 4"):
        FilterSpec(min_words=5, max_words=4)


def test_rules_of_documents_are_refused_for_labelled_texts(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    with pytest.raises(RecipeError, match=r"data\.filter\.quality"):
        prepared(tmp_path, DataSpec(train="train.csv", filter=FilterSpec(quality="gopher")))


TELLING = {
    "en": "Where is my parcel? It should have been here on Tuesday morning.",
    "es": "Hola, hice un pedido hace nueve días y todavía no ha llegado nada.",
    "de": "Guten Tag, mein Paket ist seit einer Woche unterwegs und nicht angekommen.",
    "fr": "Bonjour, je n'ai toujours pas reçu le colis que j'ai commandé la semaine dernière.",
    "zh": "我上周订购的包裹还没有收到",
}


@pytest.mark.parametrize(("language", "text"), TELLING.items())
def test_the_language_of_a_sentence_is_told(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", "help", "ok thanks", "12345 67890 !!! ???", "N/A", "🙂🙂🙂🙂🙂🙂"])
def test_the_language_of_a_short_text_is_unknown(text: str) -> None:
    assert language_of(text) == UNKNOWN


def test_other_languages_are_told_and_leave_where_the_recipe_says_so(tmp_path: Path) -> None:
    rows = [
        row | {"text": f"Please tell me where my parcel number {n} is, it is late"} for n, row in enumerate(tickets(60))
    ]
    spanish = [{"text": f"{TELLING['es']} Número {n}", "label": "refund"} for n in range(5)]
    write_csv(tmp_path / "train.csv", [*rows, *spanish])
    spec = DataSpec(train="train.csv", near_duplicates=None)  # rows of one template
    found = prepared(tmp_path, spec)
    (told,) = [finding for finding in found.profile.findings if finding.kind == "language"]
    assert (told.count, found.profile.languages) == (5, {"en": 60, "es": 5})
    assert told.rows[0] == "train.csv:62"
    english = prepared(tmp_path, spec.model_copy(update={"filter": FilterSpec(languages=["en"])}))
    assert english.profile.dropped == {"language": 5}
    assert english.profile.languages == {"en": 60}


SENTENCES = (
    "The committee met on Tuesday to discuss the plans that were set out in March.",
    "Nobody had expected the river to rise, and the bridge was closed before noon.",
    "With some luck the repairs will be done by winter, or so the mayor said to us.",
    "People have begun to leave their boats on the bank and walk into town instead.",
    "An old mill, long empty, is to be made into flats for families of the valley.",
)
SOUND = " ".join(SENTENCES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SOUND, None),
        ("The cat and the dog.", "gopher_word_count"),
        ("a b c d e " * 20, "gopher_word_length"),
        (SOUND.replace("the ", "#the "), None),
        (" # ".join(SOUND.split()), "gopher_word_length"),
        ("\n".join(f"- {s}" for s in SENTENCES), "gopher_bullets"),
        ("\n".join(f"{s[:-1]}..." for s in SENTENCES), "gopher_ellipses"),
        (SOUND + " 1234 5678 9101" * 10, "gopher_alphabetic"),
        (" ".join(f"word{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10]}" for n in range(80)), "gopher_stop_words"),
        ("\n".join([*SENTENCES, *SENTENCES]), "gopher_repeated_lines"),
        (SOUND + " of the" * 20, "gopher_top_2gram"),
        (SOUND + " " + SENTENCES[0] + " " + SENTENCES[1], "gopher_repeated_5gram"),
    ],
)  # fmt: skip
def test_gophers_rules_name_what_a_document_breaks(text: str, reason: str | None) -> None:
    assert gopher_reason(text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n".join(SENTENCES), None),
        ("\n".join(SENTENCES[:2]), "c4_few_sentences"),
        ("\n".join(s[:-1] for s in SENTENCES), "c4_few_sentences"),
        ("\n".join(s + " Please see our privacy policy." for s in SENTENCES), "c4_few_sentences"),
        ("\n".join([*SENTENCES, "Lorem ipsum dolor sit amet."]), "c4_lorem_ipsum"),
        ("\n".join([*SENTENCES, "if (a) { return b; }"]), "c4_curly_bracket"),
    ],
)
def test_c4s_rules_name_what_a_page_breaks(text: str, reason: str | None) -> None:
    assert c4_reason(text) == reason


def test_documents_leave_by_the_rule_they_break(tmp_path: Path) -> None:
    sound = [" ".join([f"Chapter {n} was written in the year of the flood.", *SENTENCES]) for n in range(12)]
    write_jsonl(tmp_path / "train.jsonl", [{"text": text} for text in [*sound, "too short to be a document"]])
    spec = DataSpec(train="train.jsonl", filter=FilterSpec(quality="gopher"), near_duplicates=None)  # one template
    found = prepared(tmp_path, spec, task="language_modelling", max_tokens=400)
    assert found.profile.dropped == {"gopher_word_count": 1}


@pytest.mark.datasets
def test_nearly_all_published_prose_passes_gophers_rules() -> None:
    frame = read_table(
        "part_01.jsonl", folder=public_data() / "classic_prose", spec=DataSpec(train="part_01.jsonl")
    ).frame
    texts = [text for text in frame["text"] if len(text.split()) >= 50][:20]
    assert sum(gopher_reason(text) is None for text in texts) > 0.9 * len(texts)


def test_a_frozen_test_row_that_a_new_filter_takes_away_is_told_and_not_replaced_in_silence(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "train.csv", [row | {"text": row["text"] + " word" * (n % 7)} for n, row in enumerate(tickets(60))]
    )
    first = prepared(tmp_path)
    write_lock(tmp_path / "tunewright.lock", first.lock)
    gone = max(first.splits["test"]["input"], key=len)
    with pytest.raises(DataError, match=r"tunewright\.lock|test"):
        prepared(tmp_path, DataSpec(train="train.csv", filter=FilterSpec(max_chars=len(gone) - 1)))


@pytest.mark.parametrize(
    ("policy", "kept"), [("drop", 39), ({"region": "drop"}, 35), ({"region": "drop", "text": "drop"}, 35)]
)
def test_a_column_may_have_a_policy_of_its_own_for_missing_values(tmp_path: Path, policy: Any, kept: int) -> None:
    rows = [row | {"region": "" if n < 4 else "Cork"} for n, row in enumerate(tickets(40))]
    rows[20]["text"] = " "
    write_csv(tmp_path / "train.csv", rows, ("text", "label", "region"))
    found = prepared(tmp_path, DataSpec(train="train.csv", missing=policy))
    assert found.profile.kept == kept
    assert found.profile.dropped == ({"missing_text": 1} | ({} if kept == 39 else {"missing_value": 4}))


@pytest.mark.parametrize(
    ("policy", "fault", "message"),
    [
        ({"region": "error"}, DataError, "have no 'region'"),
        ({"text": "error"}, DataError, "has no text"),
        ({"label": "error"}, DataError, "has no label"),
        ({"regon": "drop"}, RecipeError, "did you mean 'region'"),
    ],
)
def test_a_missing_value_that_is_an_error_is_told_with_its_row(
    tmp_path: Path, policy: Any, fault: type[Exception], message: str
) -> None:
    rows = [row | {"region": "" if n < 4 else "Cork"} for n, row in enumerate(tickets(40))]
    rows[20]["text"] = rows[30]["label"] = ""
    write_csv(tmp_path / "train.csv", rows, ("text", "label", "region"))
    with pytest.raises(fault, match=message):
        prepared(tmp_path, DataSpec(train="train.csv", missing=policy))


def test_a_test_file_without_the_columns_that_rows_are_chosen_by_stays_whole(tmp_path: Path) -> None:
    rows = [row | {"region": "Cork" if n % 3 else ""} for n, row in enumerate(tickets(60))]
    write_csv(tmp_path / "train.csv", rows, ("text", "label", "region"))
    write_csv(tmp_path / "test.csv", tickets(8, start=100))
    spec = DataSpec(train="train.csv", test="test.csv", keep_if='region == "Cork"', missing={"region": "drop"})
    found = prepared(tmp_path, spec)
    assert found.splits["test"].height == 8
    assert found.profile.dropped == {"keep_if": 20}
