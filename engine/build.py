"""Find Dapr's binaries on this machine, or build the pinned ones from `engine/go.mod`.

Building takes about five minutes on two cores and 6 GB of disk the first time, seconds when Go's
caches are warm. The binaries appear in `engine/bin/` all at once or not at all.
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
from pathlib import Path
from time import monotonic

from engine.errors import EngineError, Say
from engine.golang import find_go, go_env
from engine.installed import PROCESSES, find_installed, number, version_of

ENGINE = Path(__file__).resolve().parent
BUILT = ENGINE / "bin"
DISK_NEEDED = 6 * 10**9
HEARTBEAT = 10.0  # seconds between two signs of life
GO_ENDS = 5.0  # seconds that an interrupted Go has to clean up


def ensure(say: Say) -> Path:
    """Return the folder that holds `daprd`, `placement` and `scheduler`, building it if need be.

    Raises `EngineError`; nothing half-built is left behind.
    """
    installed = find_installed(say)
    if installed:
        return installed
    if not _is_built():
        with _only_one_build(say):
            if not _is_built():  # by the one that held the lock before
                _build(say)
    return BUILT


def pinned_version() -> str:
    """Return the version of Dapr that `go.mod` pins, without the "v"."""
    found = re.search(r"^require github\.com/dapr/dapr v(\S+)", _text("go.mod"), re.MULTILINE)
    if not found:
        raise EngineError(f"{ENGINE / 'go.mod'} requires no github.com/dapr/dapr.")
    return found.group(1)


def oldest_go() -> tuple[int, ...]:
    """Return the version of Go that `go.mod` asks for."""
    found = re.search(r"^go (\S+)", _text("go.mod"), re.MULTILINE)
    return number(found.group(1)) if found else (0,)


def _build(say: Say) -> None:
    for stale in ENGINE.glob(".build-*"):
        shutil.rmtree(stale, ignore_errors=True)
    _check_room(ENGINE, 10**9)  # for the wheel, if it comes to that
    go = find_go(oldest_go(), say)
    _check_disk(go)
    version = pinned_version()
    say(
        f"Building Dapr {version}: about 5 minutes the first time, seconds when Go's cache is warm."
    )
    started = monotonic()
    folder = Path(tempfile.mkdtemp(prefix=".build-", dir=ENGINE))
    try:
        _install(go, version, folder, say)
        if version_of(folder / "daprd") != version:
            raise EngineError(f"The daprd just built does not say that it is {version}.")
        (folder / "stamp").write_text(_stamp_wanted())
        shutil.rmtree(BUILT, ignore_errors=True)
        folder.chmod(0o755)
        folder.rename(BUILT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"Built Dapr {version} in {_span(monotonic() - started)}, kept in {BUILT}.")


def _arguments(version: str) -> list[str]:
    names = ("github.com/dapr/dapr/pkg/buildinfo.version", "github.com/dapr/kit/logger.DaprVersion")
    stamps = " ".join(f"-X {name}={version}" for name in names)
    return ["-tags=stablecomponents", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {stamps}"]


def _install(go: str, version: str, folder: Path, say: Say) -> None:
    started = monotonic()
    with subprocess.Popen(
        [go, "install", "-v", *_arguments(version), "tool"],
        cwd=ENGINE,
        env=go_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        output = None
        try:
            output = _Output(process)
            while _runs(process, HEARTBEAT):
                say(f"{_span(monotonic() - started):>7}: {output.progress()}")
        finally:
            _end(process)
            if output:
                output.join()
    if process.returncode:
        raise EngineError(_why(output.last_lines()))


def _runs(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Whether `process` still runs after `seconds`."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(process: "subprocess.Popen[str]") -> None:
    """End Go, if it still runs, as Ctrl-C does: it then removes its temporary folder."""
    process.send_signal(signal.SIGINT)
    if _runs(process, seconds=GO_ENDS):
        process.kill()


def go_environment(folder: Path) -> dict[str, str]:
    """Return the environment in which Go builds what modules pin, and installs it in a folder."""
    ours = {
        "GOBIN": str(folder),
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    return {**os.environ, **ours}


class _Output:
    """Counts what `go install -v` says while it runs, and keeps the end of it."""

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
        return f"{self._downloaded} modules downloaded, {self._compiled} packages compiled so far"

    def join(self) -> None:
        self._reader.join()

    def last_lines(self) -> str:
        return "\n".join(self._tail)


_NETWORK = re.compile(
    r"dial tcp|no such host|connection (refused|reset)|i/o timeout|TLS handshake|proxyconnect"
    r"|network is unreachable|(get|reading) \"?https?://|GOPROXY",
    re.IGNORECASE,
)


def _why(output: str) -> str:
    if "no space left on device" in output:
        return f"The disk is full.\n{output}\nFree {DISK_NEEDED / 1e9:.0f} GB, then `make engine`."
    if _NETWORK.search(output):
        return (
            f"Dapr's modules could not be downloaded:\n{output}\n"
            "Check the network and GOPROXY, then `make engine`: what has arrived is kept."
        )
    return f"Go could not build Dapr:\n{output}"


def _check_disk(go: str) -> None:
    modules, cache = map(Path, go_env(go, "GOMODCACHE", "GOCACHE"))
    warm = (modules / f"github.com/dapr/dapr@v{pinned_version()}").exists()
    needed = 10**9 if warm else DISK_NEEDED
    for folder in (modules, cache, ENGINE):
        _check_room(folder, needed)
    _check_room(Path(tempfile.gettempdir()), 10**9)  # where Go links


def _check_room(folder: Path, needed: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise EngineError(
            f"Too little disk: building Dapr needs {needed / 1e9:.0f} GB, "
            f"{free / 1e9:.1f} GB are free at {existing}.\n"
            "Free some, or set GOMODCACHE, GOCACHE and TMPDIR to folders on a larger disk."
        )


@contextmanager
def _only_one_build(say: Say) -> Iterator[None]:
    """Hold the build's lock, which the system frees if this process dies."""
    with (ENGINE / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is building the engine: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stamp_wanted() -> str:
    sources = [_text("go.mod"), _text("go.sum"), *_arguments(pinned_version())]
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()


def _is_built() -> bool:
    """Whether `engine/bin/` holds what `go.mod`, `go.sum` and the flags ask for now."""
    try:
        stamp = (BUILT / "stamp").read_text()
    except FileNotFoundError:
        return False
    return stamp == _stamp_wanted() and all(os.access(BUILT / p, os.X_OK) for p in PROCESSES)


def _text(name: str) -> str:
    return (ENGINE / name).read_text()


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest} s" if minutes else f"{rest} s"
