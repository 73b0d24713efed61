"""How the Procfile is read."""

from pathlib import Path

import pytest

from system.dapr.commands import NEEDS
from system.dapr.settings import PROJECT
from system.supervisor import read_procfile


def test_each_line_names_a_process_and_its_command(tmp_path: Path) -> None:
    """Commands keep their colons and arguments; blank lines and comments do not count."""
    file = tmp_path / "Procfile"
    file.write_text("# ours\n\nweb: serve --at host:80\nnight-job_2:sh -c 'a: b'\n")
    assert read_procfile(file) == {"web": "serve --at host:80", "night-job_2": "sh -c 'a: b'"}


@pytest.mark.parametrize("line", ["web", "web:", "two words: run", ": run", " web: run"])
def test_another_line_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    """A line of another form ends the start, naming file, line and what was found."""
    file = tmp_path / "Procfile"
    file.write_text(f"web: serve\n{line}\n")
    with pytest.raises(ValueError, match="expected `name: command`") as raised:
        read_procfile(file)
    assert str(raised.value).startswith(f"{file}:2: found {line!r}")


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    """No process is lost to another of its name."""
    file = tmp_path / "Procfile"
    file.write_text("web: serve\nweb: serve --more\n")
    with pytest.raises(ValueError, match="Procfile:2: found a second process 'web'"):
        read_procfile(file)


def test_our_procfile_runs_dapr_and_the_worker() -> None:
    """The one list of processes holds Dapr's three and the worker."""
    commands = read_procfile(PROJECT / "Procfile")
    assert {*NEEDS, "worker"} <= set(commands)
    assert all(commands[name] == f"python -m system.dapr {name}" for name in NEEDS)
