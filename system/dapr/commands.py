"""The command line and the environment of each of Dapr's processes."""

import secrets
from pathlib import Path

from system.dapr.settings import LOOPBACK, PROJECT, DaprSettings

TRACING = PROJECT / "system" / "dapr" / "tracing.yaml"
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - addresses that a recorder may have
SPANS_EVERY = "200"  # milliseconds between two deliveries of traces by daprd; its default is 5,000
NEEDS = {"placement": (), "scheduler": (), "daprd": ("placement", "scheduler")}
"""Each of Dapr's processes, with the processes whose ports it waits for before it starts."""


def command(process: str, binaries: Path, settings: DaprSettings) -> list[str]:
    """Return the command line of `placement`, `scheduler` or `daprd`.

    Raises `KeyError` for any other process.
    """
    flags = {"placement": _placement, "scheduler": _scheduler, "daprd": _daprd}[process](settings)
    common = {"--log-level": settings.dapr_log_level, "--enable-metrics": "false"}
    return [
        str(binaries / process),
        *(f"{flag}={value}" for flag, value in {**flags, **common}.items()),
        *([f"--config={TRACING}"] if process == "daprd" else []),  # overrides dapr-config.yaml
    ]


def variables(settings: DaprSettings) -> dict[str, str]:
    """Return the environment variables of Dapr's processes."""
    host = LOOPBACK if settings.spans_host in _EVERYWHERE else settings.spans_host
    return {
        "DAPR_HOST_IP": LOOPBACK,  # by default daprd announces the machine's outer address
        "FLOWDECK_SPANS_ADDRESS": f"{host}:{settings.trace_port}",  # read by tracing.yaml
        "FLOWDECK_TRACE_RATE": str(settings.trace_rate),
        "OTEL_BSP_SCHEDULE_DELAY": SPANS_EVERY,
    }


def _placement(settings: DaprSettings) -> dict[str, object]:
    ports = settings.ports
    return {
        "--port": ports["placement"],
        "--listen-address": LOOPBACK,
        "--initial-cluster": f"dapr-placement-0={LOOPBACK}:{ports['placement raft']}",
        "--healthz-port": ports["placement healthz"],
        # Dapr 1.18.2 reads this flag and ignores it (pkg/healthz/server): this port answers "ok" on
        # every address. The flag is here for a release that honours it.
        "--healthz-listen-address": LOOPBACK,
    }


def _scheduler(settings: DaprSettings) -> dict[str, object]:
    ports = settings.ports
    return {
        "--port": ports["scheduler"],
        "--listen-address": LOOPBACK,
        # The address that daprd connects to; by default the machine's outer address.
        "--override-broadcast-host-port": f"{LOOPBACK}:{ports['scheduler']}",
        "--etcd-data-dir": settings.data / "scheduler",
        "--etcd-client-listen-address": _random_loopback(),
        "--etcd-client-port": ports["scheduler etcd client"],
        "--etcd-initial-cluster": (
            f"dapr-scheduler-server-0=http://{LOOPBACK}:{ports['scheduler etcd peer']}"
        ),
        # The default is /tmp, which two systems on one machine would share.
        "--identity-directory-write": settings.data / "identity",
        "--healthz-port": ports["scheduler healthz"],
        "--healthz-listen-address": LOOPBACK,  # ignored, as for placement
    }


def _random_loopback() -> str:
    """Return a random address of the loopback network, which only this machine reaches.

    Dapr's etcd allows every web page to read and write by HTTP, and no flag of Dapr changes that.
    So its address must be hard to guess; only the scheduler itself uses it.
    """
    return ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])


def _daprd(settings: DaprSettings) -> dict[str, object]:
    ports = settings.ports
    return {
        "--app-id": settings.app_id,
        "--max-body-size": settings.dapr_max_body_size,
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
