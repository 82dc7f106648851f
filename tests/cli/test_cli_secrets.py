"""A secret in the data reaches nothing that people are shown: whatever column it stands in, whatever is said of it."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cli_room import Ran

KEY, PASSWORD = "AKIA7Q2M4XKD9PW3ZB6T", "Xk29-vTq8LmZ41"
PLANTED = {"key": f"the key {KEY}", "password": f"password: {PASSWORD}"}
BEGINNINGS = (KEY[:10], KEY[4:14], PASSWORD[:6], PASSWORD[5:11])
"""Parts of the values: cut to fit a line, they are secrets still."""
COLUMNS = ("text", "label", "region", "customer", "ticket", "opened")
LABELS = ("billing", "delivery")


def row(number: int, text: str = "", **fields: str) -> dict[str, str]:
    label = LABELS[number % 2]
    draw = random.Random(number)
    words = " ".join(f"word{draw.randrange(150)}" for _ in range(8))
    own = {"text": text or f"message {number} {words} {label}{number % 6}", "label": label, "region": "Cork"}
    return {**own, "customer": f"C{number}", "ticket": f"T{number}", "opened": "2025-03-31", **fields}


def messy(held: str) -> list[dict[str, str]]:
    """Rows of which every column holds the secret in some, with faults that make the audit speak of these rows."""
    rows = [row(n, region=held, customer=f"{held} of C", label="billing") for n in range(30)]
    rows += [row(n, f"{held} cannot log in") for n in range(30, 34)]
    rows += [row(n, f"{held} and hello\nmessage {n} of my own {n * 7}\nkind regards, {held}") for n in range(34, 64)]
    template = f"dear team please send my order to us, {held} as I asked you before"  # cut in the middle of the value
    rows += [row(n, f"{template} {n}") for n in range(64, 94)]
    rows += [row(n, label=held if n % 3 else f"{held}s") for n in range(94, 106)]
    rows += [row(n, f"{held} <b>now</b> &amp; caf\u00c3\u00a9 \u00fcber{n}") for n in range(106, 112)]
    rows += [row(112, ticket=f"{held} T1"), row(113, f" {held}  twice  "), row(114, f"{held} no label", label="")]
    return [*rows, *(row(number) for number in range(115, 195))]


def written(path: Path, rows: Iterable[dict[str, str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def assert_untold(*told: str) -> None:
    for text in told:
        found = [place for part in BEGINNINGS if (place := text.casefold().find(part.casefold())) >= 0]
        assert not found, text[max(0, found[0] - 300) : found[0] + 100]


def files(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture(params=sorted(PLANTED))
def held(request: pytest.FixtureRequest) -> str:
    return PLANTED[request.param]


@pytest.fixture
def recipe(tmp_path: Path, bert: Path, held: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "train.csv", messy(held))
    path = tmp_path / "recipe.yaml"
    columns = "{train: train.csv, input: text, target: label, group: customer, id: ticket}"
    path.write_text(f"model: {bert}\ndata: {columns}\ntask: classification\n", encoding="utf-8")
    return path


def test_check_tells_of_the_rows_and_not_of_the_secret(recipe: Path, tunewright: Callable[..., Ran]) -> None:
    plain, told = tunewright("check", recipe), tunewright("check", recipe, "--json")
    spoken = {finding["kind"] for finding in told.json["findings"]}
    assert spoken >= {"secret", "near_duplicate_cluster", "boilerplate", "label_variant", "contradiction", "html"}
    assert "<SECRET>" in told.out
    assert_untold(plain.said, told.said)


def test_audit_shows_it_in_no_form(recipe: Path, held: str, tunewright: Callable[..., Ran]) -> None:
    folder = recipe.parent
    written(folder / "live.csv", [row(n, f"{held} where is thing{n} other{n % 5}") for n in range(300, 420)])
    wide = ("--html", "out/audit.html", "--export", "out", "--against", "live.csv", "--task", "classification")
    plain, told = tunewright("audit", "train.csv", *wide), tunewright("audit", "train.csv", "--json")
    assert told.json["samples"]
    assert told.json["profile"]["private"]["secret"] > 50
    assert "uncovered" in tunewright("audit", "train.csv", *wide, "--json").out
    assert_untold(plain.said, told.said, *files(folder / "out"))


def test_the_map_of_texts_shows_it_nowhere(recipe: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("audit", "train.csv", "--task", "classification", "--map", "--json")
    if told.json.get("error") == "missing_package":
        pytest.skip("the starter encoder is not installed")
    assert "<SECRET" in str(told.json["map"]["points"])
    assert_untold(told.said)


def test_a_guessed_encoding_is_told_without_it(recipe: Path, held: str, tunewright: Callable[..., Ran]) -> None:
    rows = [row(n, f"caf\u00e9 {n} \u00fcber {held}\u00e9{n}") for n in range(60)]
    written(recipe.parent / "latin.csv", rows, encoding="cp1252")
    told = tunewright("audit", "latin.csv", "--json")
    assert "guessed_encoding" in {finding["kind"] for finding in told.json["findings"]}
    assert_untold(told.said)


@pytest.mark.parametrize(
    "settings",
    [
        ("data.keep_if=region > 3",),
        ("data.contradictions=error",),
        ("data.test=own.csv", "data.leaks=error"),
        ("data.time=customer", "split.kind=time"),
        ("data.id=region",),
    ],
    ids=lambda settings: settings[-1],
)
def test_errors_quote_cells_without_it(
    recipe: Path, held: str, settings: tuple[str, ...], tunewright: Callable[..., Ran]
) -> None:
    written(recipe.parent / "own.csv", messy(held)[30:60])
    for verb in ("check", "prepare"):
        plain, told = tunewright(verb, recipe, *settings), tunewright(verb, recipe, *settings, "--json")
        assert plain.code
        assert "<SECRET>" in plain.said
        assert_untold(plain.said, told.said)


def test_what_prepare_says_and_the_report_of_a_run_are_free_of_it(recipe: Path, tunewright: Callable[..., Ran]) -> None:
    few = ("train.max_steps=2", "train.precision=fp32", "train.tensorboard=false", "evaluation.resamples=100")
    ran = tunewright("run", recipe, *few)
    assert (recipe.parent / "runs" / "recipe" / "report" / "report.html").exists(), ran.said
    run = recipe.parent / "runs" / "recipe"
    assert_untold(*files(run / "report"))
