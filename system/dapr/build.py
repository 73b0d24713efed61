"""Finds Dapr's programs on this machine, or builds the version that `go.mod` pins.

A build takes about five minutes on two cores and 6 GB of disk the first time, seconds when Go's
caches are warm. The programs appear in `bin/` all together.
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from system.dapr.errors import DaprError, Report
from system.dapr.golang import find_go, go_env
from system.dapr.installed import PROCESSES, find_installed, version_numbers, version_of

DISK_NEEDED = 6 * 10**9  # bytes
GO_ENDS = 5.0  # seconds for an interrupted Go to clean up


@dataclass(frozen=True)
class Site:
    """The folder of `go.mod` and `go.sum`, in which Dapr is built."""

    folder: Path = Path(__file__).resolve().parent
    report_every: float = 10.0
    """Seconds between two lines about the progress of a build."""

    @property
    def built(self) -> Path:
        """The folder of the finished programs."""
        return self.folder / "bin"

    def text(self, name: str) -> str:
        """Return the content of a file of the folder."""
        return (self.folder / name).read_text()

    def dapr_version(self) -> str:
        """Return the version of Dapr that `go.mod` pins, without the "v"; raises `DaprError`."""
        line = r"^require github\.com/dapr/dapr v(\S+)"
        found = re.search(line, self.text("go.mod"), re.MULTILINE)
        if not found:
            raise DaprError(f"{self.folder / 'go.mod'} requires no github.com/dapr/dapr.")
        return found.group(1)

    def oldest_go(self) -> tuple[int, ...]:
        """Return the version of Go that `go.mod` asks for."""
        found = re.search(r"^go (\S+)", self.text("go.mod"), re.MULTILINE)
        return version_numbers(found.group(1)) if found else (0,)

    def stamp(self) -> str:
        """Return a digest of everything that a build depends on."""
        sources = [self.text("go.mod"), self.text("go.sum"), *_arguments(self.dapr_version())]
        return hashlib.sha256("\n".join(sources).encode()).hexdigest()

    def is_built(self) -> bool:
        """Return whether `bin/` was built from the current `go.mod`, `go.sum` and flags."""
        try:
            stamp = (self.built / "stamp").read_text()
        except FileNotFoundError:
            return False
        return stamp == self.stamp() and all(os.access(self.built / p, os.X_OK) for p in PROCESSES)


HERE = Site()


def ensure(report: Report, site: Site = HERE) -> Path:
    """Return the folder of `daprd`, `placement` and `scheduler`; build them if they are missing.

    Raises `DaprError`. A failed build leaves no programs; Go keeps what it has downloaded.
    """
    installed = find_installed(report)
    if installed:
        return installed
    if not site.is_built():
        with _only_one_build(site, report):
            if not site.is_built():  # another process may have built it meanwhile
                _build(site, report)
    return site.built


def _build(site: Site, report: Report) -> None:
    for stale in site.folder.glob(".build-*"):
        shutil.rmtree(stale, ignore_errors=True)
    _check_room(site.folder, 10**9)  # for the wheel with Go, if it is needed
    go = find_go(site.oldest_go(), report)
    _check_disk(site, go)
    version = site.dapr_version()
    report(
        f"Building Dapr {version}: about 5 minutes the first time, seconds when Go's cache is warm."
    )
    started = monotonic()
    folder = Path(tempfile.mkdtemp(prefix=".build-", dir=site.folder))
    try:
        _install(go, site, folder, report)
        if version_of(folder / "daprd") != version:
            raise DaprError(f"The daprd that was built does not report version {version}.")
        (folder / "stamp").write_text(site.stamp())
        shutil.rmtree(site.built, ignore_errors=True)
        folder.chmod(0o755)
        folder.rename(site.built)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(f"Built Dapr {version} in {_duration(monotonic() - started)}, kept in {site.built}.")


def _arguments(version: str) -> list[str]:
    names = ("github.com/dapr/dapr/pkg/buildinfo.version", "github.com/dapr/kit/logger.DaprVersion")
    stamps = " ".join(f"-X {name}={version}" for name in names)
    return ["-tags=stablecomponents", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {stamps}"]


def _install(go: str, site: Site, folder: Path, report: Report) -> None:
    started = monotonic()
    with subprocess.Popen(
        [go, "install", "-v", *_arguments(site.dapr_version()), "tool"],
        cwd=site.folder,
        env=go_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            output = _GoOutput(process)
            while _runs(process, site.report_every):
                report(f"{_duration(monotonic() - started):>9}  {output.progress()}")
        finally:
            _end(process)
        output.join()
    if process.returncode:
        raise DaprError(_failure(output.last_lines()))


def _runs(process: "subprocess.Popen[str]", seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(process: "subprocess.Popen[str]") -> None:
    """Interrupt Go if it still runs, so that it removes its temporary folder."""
    process.send_signal(signal.SIGINT)
    if _runs(process, seconds=GO_ENDS):
        process.kill()


def go_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a Go that builds only pinned modules and installs into `folder`."""
    ours = {
        "GOBIN": str(folder),
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    return {**os.environ, **ours}


class _GoOutput:
    """Counts the lines of `go install -v` while it runs, and keeps the last ones."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._tail: deque[str] = deque(maxlen=15)
        self._downloaded = self._compiled = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._tail.append(line.rstrip())
            if line.startswith("go: downloading"):
                self._downloaded += 1
            else:
                self._compiled += 1

    def progress(self) -> str:
        if not self._downloaded + self._compiled:
            return "Go reads its build cache"
        return f"{self._downloaded} modules downloaded, {self._compiled} packages compiled"

    def join(self) -> None:
        self._reader.join()

    def last_lines(self) -> str:
        return "\n".join(self._tail)


_NETWORK = re.compile(
    r"dial tcp|no such host|connection (refused|reset)|i/o timeout|TLS handshake|proxyconnect"
    r"|network is unreachable|(get|reading) \"?https?://|GOPROXY",
    re.IGNORECASE,
)


def _failure(output: str) -> str:
    """Return why Go failed, its last lines, and what to do."""
    if "no space left on device" in output:
        needed = f"{DISK_NEEDED / 1e9:.0f} GB"
        return f"The disk is full.\n{output}\nFree {needed}, then run `make dapr`."
    if _NETWORK.search(output):
        return (
            f"Dapr's modules could not be downloaded:\n{output}\n"
            "Check the network and GOPROXY, then run `make dapr`: finished downloads are kept."
        )
    return f"Go could not build Dapr:\n{output}"


def _check_disk(site: Site, go: str) -> None:
    modules, cache = map(Path, go_env(go, "GOMODCACHE", "GOCACHE"))
    warm = (modules / f"github.com/dapr/dapr@v{site.dapr_version()}").exists()
    needed = 10**9 if warm else DISK_NEEDED
    for folder in (modules, cache, site.folder):
        _check_room(folder, needed)
    _check_room(Path(tempfile.gettempdir()), 10**9)  # where Go links


def _check_room(folder: Path, needed: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise DaprError(
            f"Not enough disk: building Dapr needs {needed / 1e9:.0f} GB, "
            f"{free / 1e9:.1f} GB are free at {existing}.\n"
            "Free some, or set GOMODCACHE, GOCACHE and TMPDIR to folders on a larger disk."
        )


@contextmanager
def _only_one_build(site: Site, report: Report) -> Iterator[None]:
    """Lock the build; the operating system releases the lock if this process dies."""
    with (site.folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Another process is building Dapr: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest} s" if minutes else f"{rest} s"
