"""Reading the Procfile."""

from pathlib import Path

import pytest

from system.dapr.commands import NEEDS
from system.dapr.settings import PROJECT
from system.supervisor import read_procfile


def test_each_line_names_a_process_and_its_command(tmp_path: Path) -> None:
    """A command may have colons and arguments; blank lines and comments are ignored."""
    file = tmp_path / "Procfile"
    file.write_text("# ours\n\nweb: serve --at host:80\nnight-job_2:sh -c 'a: b'\n")
    assert read_procfile(file) == {"web": "serve --at host:80", "night-job_2": "sh -c 'a: b'"}


@pytest.mark.parametrize("line", ["web", "web:", "two words: run", ": run", " web: run"])
def test_a_malformed_line_is_refused(tmp_path: Path, line: str) -> None:
    """The message has the file, the number of the line and its text."""
    file = tmp_path / "Procfile"
    file.write_text(f"web: serve\n{line}\n")
    with pytest.raises(ValueError, match="expected `name: command`") as raised:
        read_procfile(file)
    assert str(raised.value).startswith(f"{file}:2: found {line!r}")


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    """A second process must not replace the first."""
    file = tmp_path / "Procfile"
    file.write_text("web: serve\nweb: serve --more\n")
    with pytest.raises(ValueError, match="Procfile:2: found a second process 'web'"):
        read_procfile(file)


def test_our_procfile_runs_dapr_and_the_worker() -> None:
    """The Procfile of the project has Dapr's three processes and the worker."""
    commands = read_procfile(PROJECT / "Procfile")
    assert {*NEEDS, "worker"} <= set(commands)
    assert all(commands[name] == f"python -m system.dapr {name}" for name in NEEDS)
