"""Fixtures of the command line's tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from chat_room import LORA, talking_project
from cli_room import QUICK, Ran, runner, sound_project

from tunewright import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tunewright(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    return runner(capsys)


@pytest.fixture
def project(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound project, and the working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    sound_project(folder, bert)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def _finished_run(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run(sound_project(folder, bert), QUICK)
    return folder


@pytest.fixture
def finished_run(_finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sound project with its run complete, and the working directory."""
    folder = shutil.copytree(_finished_run, tmp_path / "project", copy_function=shutil.copy2)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def _talking_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talking")
    talking_project(folder, method=LORA)
    return folder


@pytest.fixture
def talking(_talking_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a project whose adapter is trained and can be talked to, and the working directory."""
    folder = shutil.copytree(_talking_template, tmp_path / "talking", copy_function=shutil.copy2)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def _whole_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    talking_project(folder, max_steps=2)
    return folder


@pytest.fixture
def whole(_whole_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, tuned whole for two steps."""
    folder = shutil.copytree(_whole_template, tmp_path / "whole", copy_function=shutil.copy2)
    monkeypatch.chdir(folder)
    return folder
