"""The file of the state store is deleted or replaced while a process has it open."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from operations.errors import DaprUnavailable
from operations.health.outages import dapr_problems
from operations.health.state_store import StateStoreFile, daprd_beside
from operations.model import Service
from tests.unit.fakes import FakeGateway


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Return a file that this process has open, with its log."""
    with ExitStack() as stack:
        for suffix in ("", "-wal"):
            stack.enter_context((tmp_path / f"dapr.db{suffix}").open("w"))
        yield tmp_path / "dapr.db"


@pytest.fixture
def store(file: Path) -> StateStoreFile:
    """Return the file as the state store of this process."""
    return StateStoreFile(file, os.getpid)


def is_lost(store: StateStoreFile) -> bool:
    """Return True if the problem is reported."""
    return [problem.service for problem in store.problems()] == [Service.STATE_STORE]


def test_an_open_file_is_no_problem(store: StateStoreFile) -> None:
    """It is the one at the path."""
    assert not is_lost(store)


def test_a_deleted_file_is_a_problem(store: StateStoreFile, file: Path) -> None:
    """The reason names the file and the remedy."""
    file.unlink()
    (problem,) = store.problems()
    assert f"the state store's file {file} was deleted or replaced" in problem.reason
    assert "put the file back, or restart" in problem.reason


def test_a_replaced_file_is_a_problem(store: StateStoreFile, file: Path, tmp_path: Path) -> None:
    """Also for a process that never opened the first file."""
    (tmp_path / "other").touch()
    (tmp_path / "other").rename(file)
    assert is_lost(store)


def test_a_file_that_was_moved_away_is_a_problem_until_it_is_back(
    store: StateStoreFile, file: Path, tmp_path: Path
) -> None:
    """With its log too: then only the process that saw it before knows that it was used."""
    assert not is_lost(store)
    for suffix in ("", "-wal"):
        Path(f"{file}{suffix}").rename(tmp_path / f"moved{suffix}")
    assert is_lost(store)
    (tmp_path / "moved").rename(file)
    assert not is_lost(store)


def test_a_copy_in_the_place_of_a_moved_file_is_a_problem(
    store: StateStoreFile, file: Path, tmp_path: Path
) -> None:
    """What daprd writes goes to the file that was moved."""
    assert not is_lost(store)
    file.rename(tmp_path / "moved")
    file.write_bytes((tmp_path / "moved").read_bytes())
    assert is_lost(store)


@pytest.mark.parametrize("pid", [None, 2**22 + 1])
def test_without_a_daprd_there_is_no_check(file: Path, pid: int | None) -> None:
    """A sidecar elsewhere, or one that has just ended."""
    file.unlink()
    assert StateStoreFile(file, lambda: pid).problems() == ()


def test_a_daprd_with_another_store_is_not_checked(tmp_path: Path) -> None:
    """An old file of a store that is no longer used may be deleted."""
    assert StateStoreFile(tmp_path / "dapr.db", os.getpid).problems() == ()


def test_daprd_is_found_among_the_children_of_the_parent(tmp_path: Path) -> None:
    """The supervisor starts it beside the processes that ask."""
    (tmp_path / "daprd").symlink_to("/bin/sleep")
    with subprocess.Popen([tmp_path / "daprd", "60"]) as daprd:
        code = "from operations.health.state_store import daprd_beside; print(daprd_beside())"
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        daprd.kill()
    assert int(found.stdout) == daprd.pid
    assert daprd_beside() != daprd.pid


def test_the_problem_is_one_of_the_engine(
    store: StateStoreFile, file: Path, gateway: FakeGateway
) -> None:
    """Beside those that the sidecar reports, also if the sidecar does not answer."""
    assert dapr_problems(gateway, store) == ()
    file.unlink()
    gateway.errors["health"] = [DaprUnavailable("no sidecar")]
    away = [problem.service for problem in dapr_problems(gateway, store)]
    assert away == [Service.SIDECAR, Service.STATE_STORE]
    assert [problem.service for problem in dapr_problems(gateway, store)] == [Service.STATE_STORE]
