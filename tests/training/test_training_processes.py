"""Two processes that train together over gloo come to what one alone does, in fp32 without dropout."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from two_processes import CASES, trained

HERE = Path(__file__).parent


def launch(folder: Path, processes: int = 2) -> list[subprocess.Popen[str]]:
    """As torchrun does: rank, world and a free port in the environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = [str(HERE), str(HERE.parent), *(p for p in sys.path if p)]
    shared = {
        **os.environ,
        **{"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
        **{"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
    }
    command = [sys.executable, str(HERE / "two_processes.py"), str(folder)]
    return [
        subprocess.Popen(
            command, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}, stderr=subprocess.PIPE, text=True
        )
        for rank in range(processes)
    ]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes came to, a file a case and rank."""
    folder = tmp_path_factory.mktemp("together")
    started = launch(folder)
    try:
        for process in started:
            _, errors = process.communicate(timeout=150)
            assert process.returncode == 0, errors
    finally:
        for process in started:
            process.kill()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(map(str, case[:2])) for case in CASES])
def test_two_processes_equal_one(together: Path, number: int) -> None:
    """Losses, norms and target counts to 1e-5; weights to a thousandth of the learning rate, and alike in both."""
    ranks = [load_file(together / f"{number}-{rank}.safetensors") for rank in range(2)]
    alone = trained(*CASES[number], several=False)
    torch.testing.assert_close(ranks[0].pop("figures"), alone.pop("figures"), rtol=1e-5, atol=0.0)
    assert ranks[0].keys() == alone.keys()
    for name, value in alone.items():
        assert torch.equal(ranks[0][name], ranks[1][name]), f"{name} differs between the processes"
        torch.testing.assert_close(ranks[0][name], value, rtol=0, atol=1e-6, msg=lambda t, n=name: f"{n}: {t}")
