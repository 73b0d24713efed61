"""A companion: a second sidecar of an application, which takes none of its work.

It has neither a worker nor a port of the application, and no scheduler, which would send it half
of the application's jobs. It announces its name nowhere, so that no call of another application
reaches it.
"""

import os
import shlex
import shutil
from pathlib import Path

from operations.errors import InvalidInput
from system.attach.options import CompanionOptions
from system.attach.settings import AttachSettings
from system.dapr.build import HERE
from system.dapr.errors import DaprError
from system.dapr.installed import OLDEST, version_numbers, version_of
from system.dapr.settings import LOOPBACK

_CONFIGURATION = """\
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: companion
spec:
  # The default resolver would announce the companion under the application's id.
  nameResolution:
    component: kubernetes
    version: v1
"""


def find_daprd(wanted: Path | None) -> Path:
    """Return `wanted`, or the `daprd` on the PATH, of `dapr init`, or of Flowdeck's build.

    Raise `DaprError`, and `InvalidInput` for a `wanted` file that is no program.
    """
    if wanted:
        if not os.access(wanted, os.X_OK) or wanted.is_dir():
            raise InvalidInput("--daprd", str(wanted), "the program daprd")
        return wanted
    on_path = shutil.which("daprd")
    candidates = [Path.home() / ".dapr" / "bin" / "daprd", HERE.built / "daprd"]
    for file in [*([Path(on_path)] if on_path else []), *candidates]:
        if os.access(file, os.X_OK):
            return file.absolute()
    raise DaprError(
        "No daprd on the PATH and none of `dapr init`. A companion needs the application's version "
        "of daprd: name it with --daprd FILE (make: DAPRD=FILE), or run `make dapr`."
    )


def describe(daprd: Path) -> str:
    """Return which `daprd` the companion runs, and a warning if it is old; raise `DaprError`."""
    version = version_of(daprd)
    if not version_numbers(version):
        raise DaprError(f"{daprd} --version prints no version: is it daprd?")
    text = (
        f"The companion runs daprd {version} ({daprd}), which should be the application's version."
    )
    if version_numbers(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        text += f"\nIt is older than {oldest}: lists and histories may be missing."
    return text


def companion_command(
    options: CompanionOptions, daprd: Path, folder: Path, settings: AttachSettings
) -> str:
    """Write the companion's configuration into the folder, and return its command.

    The companion runs in the current folder, because components may contain relative paths.
    """
    configuration = folder / "companion.yaml"
    configuration.write_text(_CONFIGURATION)
    ports = settings.companion_ports
    flags = {
        "--app-id": options.app_id,
        "--resources-path": options.resources,
        "--config": configuration,
        "--placement-host-address": options.placement,
        "--dapr-listen-addresses": LOOPBACK,
        "--dapr-grpc-port": ports["companion gRPC"],
        "--dapr-http-port": ports["companion HTTP"],
        "--dapr-internal-grpc-port": ports["companion internal gRPC"],
        "--dapr-internal-grpc-listen-address": LOOPBACK,
        "--enable-metrics": "false",
    }
    arguments = [daprd, *(f"{flag}={value}" for flag, value in flags.items())]
    return shlex.join(
        ["env", f"--chdir={Path.cwd()}", f"DAPR_HOST_IP={LOOPBACK}", *map(str, arguments)]
    )
