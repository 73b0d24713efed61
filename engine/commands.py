"""The command line of each engine process."""

from pathlib import Path

from engine.settings import PROJECT, EngineSettings

LOOPBACK = "127.0.0.1"
TRACING = PROJECT / "engine" / "tracing.yaml"
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - where a recorder may listen
SPANS_EVERY = "200"  # milliseconds that daprd gathers spans before it sends them; else 5,000
NEEDS = {"placement": (), "scheduler": (), "daprd": ("placement", "scheduler")}
"""Which ports of the block each process waits for before it starts."""


def command(process: str, binaries: Path, settings: EngineSettings) -> list[str]:
    """Return the command line of `placement`, `scheduler` or `daprd`.

    Raises `KeyError` for any other process.
    """
    flags = {"placement": _placement, "scheduler": _scheduler, "daprd": _daprd}[process](settings)
    common = {"--log-level": settings.engine_log_level, "--enable-metrics": "false"}
    return [
        str(binaries / process),
        *(f"{flag}={value}" for flag, value in {**flags, **common}.items()),
        *([f"--config={TRACING}"] if process == "daprd" else []),  # laid over the first one
    ]


def variables(settings: EngineSettings) -> dict[str, str]:
    """Return the environment variables that the engine's processes are given."""
    host = LOOPBACK if settings.spans_host in _EVERYWHERE else settings.spans_host
    return {
        "DAPR_HOST_IP": LOOPBACK,  # else daprd tells the others the machine's outer address
        "FLOWDECK_SPANS_ADDRESS": f"{host}:{settings.spans}",  # tracing.yaml's
        "FLOWDECK_TRACE_RATE": str(settings.trace_rate),
        "OTEL_BSP_SCHEDULE_DELAY": SPANS_EVERY,
    }


def _placement(settings: EngineSettings) -> dict[str, object]:
    ports = settings.ports
    return {
        "--port": ports["placement"],
        "--listen-address": LOOPBACK,
        "--initial-cluster": f"dapr-placement-0={LOOPBACK}:{ports['placement raft']}",
        "--healthz-port": ports["placement healthz"],
        # Dapr 1.18.2 reads this flag and ignores it (pkg/healthz/server): the answer "ok" of this
        # one port is to be had from outside. It is given for the release that mends it.
        "--healthz-listen-address": LOOPBACK,
    }


def _scheduler(settings: EngineSettings) -> dict[str, object]:
    ports = settings.ports
    return {
        "--port": ports["scheduler"],
        "--listen-address": LOOPBACK,
        # What daprd is told to connect to; without it the machine's outer address.
        "--override-broadcast-host-port": f"{LOOPBACK}:{ports['scheduler']}",
        "--etcd-data-dir": settings.data / "scheduler",
        "--etcd-client-listen-address": LOOPBACK,
        "--etcd-client-port": ports["scheduler etcd client"],
        "--etcd-initial-cluster": (
            f"dapr-scheduler-server-0=http://{LOOPBACK}:{ports['scheduler etcd peer']}"
        ),
        # The default is /tmp, which two engines on one machine would share.
        "--identity-directory-write": settings.data / "identity",
        "--healthz-port": ports["scheduler healthz"],
        "--healthz-listen-address": LOOPBACK,  # ignored, as placement's
    }


def _daprd(settings: EngineSettings) -> dict[str, object]:
    ports = settings.ports
    return {
        "--app-id": settings.app_id,
        "--resources-path": settings.resources.resolve(),
        "--config": settings.resources.resolve() / "dapr-config.yaml",
        "--placement-host-address": f"{LOOPBACK}:{ports['placement']}",
        "--scheduler-host-address": f"{LOOPBACK}:{ports['scheduler']}",
        "--dapr-listen-addresses": LOOPBACK,
        "--dapr-grpc-port": ports["dapr gRPC"],
        "--dapr-http-port": ports["dapr HTTP"],
        "--dapr-internal-grpc-port": ports["dapr internal gRPC"],
        "--dapr-internal-grpc-listen-address": LOOPBACK,
    }
