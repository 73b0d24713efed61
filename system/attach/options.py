"""The command line of `python -m system attach`."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from operations.errors import InvalidInput
from system.preconditions import CannotStart

USAGE = """\
make attach SIDECAR=HOST:PORT [TOKEN_FILE=FILE]
make attach COMPANION=APP_ID RESOURCES=FOLDER PLACEMENT=HOST:PORT [DAPRD=FILE]

SIDECAR is the address of the gRPC API of an application's sidecar; `dapr run` prints its port:
  make attach SIDECAR=127.0.0.1:50001
  make attach SIDECAR='shop.example:443?tls=true' TOKEN_FILE=/run/secrets/dapr-token

COMPANION starts a second sidecar for the application, whose own sidecar must not be touched.
docs/attach.md explains both. Without make:
  python -m system attach SIDECAR [--token-file FILE]
  python -m system attach --companion APP_ID --resources FOLDER --placement HOST:PORT
      [--daprd FILE]"""


@dataclass(frozen=True)
class CompanionOptions:
    """The application of a companion, its resources, its placement service, and its `daprd`."""

    app_id: str
    resources: Path
    placement: str
    daprd: Path | None


@dataclass(frozen=True)
class AttachOptions:
    """What to attach to: the address of a sidecar, or a companion that is to be started."""

    sidecar: str
    companion: CompanionOptions | None
    token_file: Path | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotStart(f"{message[:1].upper()}{message[1:]}.\n\n{USAGE}")


def parse(arguments: list[str]) -> AttachOptions:
    """Return the options; raise `CannotStart` with the usage, and `InvalidInput`."""
    parser = _Parser(
        prog="python -m system attach", usage=USAGE, add_help=False, allow_abbrev=False
    )
    parser.add_argument("sidecar", nargs="?", default="")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--companion", default="")
    parser.add_argument("--resources", type=Path)
    parser.add_argument("--placement", default="")
    parser.add_argument("--daprd", type=Path)
    found = parser.parse_args(arguments)
    if not found.sidecar and not found.companion:
        parser.error("the address of a sidecar, or a companion, is missing")
    if found.sidecar and found.companion:
        parser.error("found a sidecar and a companion, expected one of them")
    if not found.companion:
        if unused := [name for name in ("resources", "placement", "daprd") if getattr(found, name)]:
            parser.error(f"--{unused[0]} is for a companion only")
        return AttachOptions(_address(found.sidecar), None, found.token_file)
    companion = _companion(found.companion, found.resources, found.placement, found.daprd)
    return AttachOptions("", companion, found.token_file)


def _address(sidecar: str) -> str:
    """Return the address of a sidecar without `http://`, so that both spellings use one ledger.

    Raise `InvalidInput` for an address without a colon, such as a port or a host alone.
    """
    address = sidecar.removeprefix("http://")
    if ":" not in address:
        raise InvalidInput("SIDECAR", sidecar, "the sidecar's gRPC address as host:port")
    return address


def _companion(
    app_id: str, resources: Path | None, placement: str, daprd: Path | None
) -> CompanionOptions:
    if resources is None or not resources.is_dir():
        folder = str(resources.absolute()) if resources else ""
        raise InvalidInput(
            "--resources", folder, "the folder with the application's state store component"
        )
    if not re.fullmatch(r"\S+:[0-9]{1,5}", placement):
        raise InvalidInput("--placement", placement, "the placement service as host:port")
    return CompanionOptions(app_id, resources.absolute(), placement, daprd and daprd.absolute())
