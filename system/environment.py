"""The environment variables of all Python processes that the supervisor starts."""

import os
import sys
from pathlib import Path

from system.dapr.settings import LOOPBACK


def http_url(host: str, port: int) -> str:
    """Return the URL of a server, with an IPv6 address in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def python_environment(*direct: str) -> dict[str, str]:
    """Return this process's environment with this Python first on the PATH.

    The loopback and the hosts `direct` are reached without a proxy; gRPC would use one even for
    127.0.0.1.
    """
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "no_proxy": ",".join(filter(None, [no_proxy, LOOPBACK, *direct])),
    }
