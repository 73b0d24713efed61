"""Reads settings, and defines the settings of every process that uses Dapr or the ledger."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from operations.errors import InvalidInput

PREFIX = "FLOWDECK_"
SPANS_PATH = "/api/v2/spans"  # of the recorder, for trace spans of Zipkin v2
_ENV_FILE = f"{PREFIX}ENV_FILE"
_PYDANTIC_PREFIX = re.compile(r"^(Input should be|String should have|Value error,) ")


class Settings(BaseSettings):
    """Settings that a process reads once from `FLOWDECK_*` variables."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, populate_by_name=True
    )

    @classmethod
    def load(cls) -> Self:
        """Read the settings from the environment, and missing ones from `.env`.

        `FLOWDECK_ENV_FILE` names another file; if it is empty, no file is read. Raise
        `InvalidInput` for the first invalid setting.
        """
        file = os.environ.get(_ENV_FILE, "")
        if file and not Path(file).is_file():
            raise InvalidInput(_ENV_FILE, file, "a file, or an empty value to read no file")
        try:
            return cls(_env_file=file if _ENV_FILE in os.environ else ".env")
        except UnicodeDecodeError as error:
            raise InvalidInput(_ENV_FILE, file or ".env", "a file in UTF-8") from error
        except ValidationError as error:
            first = error.errors()[0]
            expected = _PYDANTIC_PREFIX.sub("", first["msg"])
            found = without_password(first["input"])
            raise InvalidInput(_variable(first["loc"][0]), found, expected) from error


def _variable(field: object) -> str:
    """Return the name of the variable that a setting is read from."""
    name = str(field)
    return name if name.isupper() else PREFIX + name.upper()


def database_url(url: str) -> str:
    """Return the URL of a ledger; raise `ValueError` with the expected form."""
    is_file = re.fullmatch(r"sqlite:///[^?]+", url) and ":memory:" not in url
    if not is_file and not _is_server(url):
        raise ValueError(
            "the URL of a SQLite file, such as sqlite:////srv/flowdeck/ledger.db, or of a "
            "PostgreSQL database, such as postgresql://user:password@host/flowdeck"
        )
    return url


def _is_server(url: str) -> bool:
    if not re.fullmatch(r"postgresql(\+psycopg)?://([^@/?#]*@)?[^@/?#]*/[^/?#]+(\?[^#]*)?", url):
        return False
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _host(host: str) -> str:
    if not re.fullmatch(r"[^\s/@]+", host):  # an empty host would listen at every address
        raise ValueError("the name or the address of a host, such as 127.0.0.1")
    return host


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, as seen from itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _public_url(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s/?#@]+/?", url):
        raise ValueError("the address in the browser, such as https://flowdeck.example")
    return url


def _host_names(names: object) -> object:
    return tuple(names.replace(",", " ").split()) if isinstance(names, str) else names


def _host_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+", name) and not re.fullmatch(r"[0-9a-fA-F:]+", name):
        raise ValueError("names of hosts without ports, separated by commas")
    return name


Host = Annotated[str, AfterValidator(_host)]
HostNames = Annotated[
    tuple[Annotated[str, AfterValidator(_host_name)], ...],
    NoDecode,
    BeforeValidator(_host_names),
]


class ServerSettings(Settings):
    """Settings of a process that listens at an address; nothing of ours has a sign-in yet."""

    access_is_guarded: bool = False
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    allowed_hosts: HostNames = ()

    @field_validator("api_host", "page_host", "spans_host", check_fields=False)
    @classmethod
    def _checked_host(cls, host: str, info: ValidationInfo) -> str:
        if not is_loopback(host) and not info.data.get("access_is_guarded"):
            raise ValueError(
                "127.0.0.1, because whoever reaches another address may do everything. If a "
                "firewall or a proxy with a sign-in guards it, set FLOWDECK_ACCESS_IS_GUARDED=true"
            )
        return host


def _http_url(url: str) -> str:
    try:
        is_valid = urlsplit(url).scheme == "http" and urlsplit(url).hostname and urlsplit(url).port
    except ValueError:
        is_valid = None
    if not is_valid:
        raise ValueError("an http URL with a port, such as http://127.0.0.1:8000")
    return url


_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
MIN_BODY_SIZE = 64 * 1024  # bytes


def body_size(size: str) -> int:
    """Return a size such as 4Mi in bytes; raise `ValueError` with the expected form."""
    parts = re.fullmatch(r"([0-9]{1,12})(|Ki|Mi|Gi)", size)
    found = int(parts[1]) * _UNITS[parts[2]] if parts else 0
    if not MIN_BODY_SIZE <= found < 2**31:
        raise ValueError("a size of 64Ki or more and below 2Gi, such as 4Mi")
    return found


def _body_size(size: str) -> str:
    body_size(size)
    return size


BodySize = Annotated[str, AfterValidator(_body_size)]


def without_password(url: object) -> str:
    """Return a URL with its password masked; the URL may be malformed."""
    shown = re.sub(r"//.*@", "//***@", str(url), flags=re.DOTALL)
    return re.sub(r"(password=)[^&\s]*", r"\1***", shown)


class OperationsSettings(ServerSettings):
    """The addresses of Dapr, the ledger and the trace endpoint, and the format of the log.

    `DAPR_GRPC_ENDPOINT`, `DAPR_GRPC_PORT` and `DAPR_API_TOKEN` are Dapr's own variables, which
    `dapr run` and Kubernetes set.
    """

    grpc_endpoint: str | None = Field(None, validation_alias="DAPR_GRPC_ENDPOINT")
    grpc_port: int = Field(28007, validation_alias="DAPR_GRPC_PORT", ge=1, le=65535)
    api_token: str | None = Field(None, validation_alias="DAPR_API_TOKEN", repr=False)
    companion: bool = False
    attached_app_id: str | None = Field(
        None, description="The only application to follow; empty for the first that answers."
    )
    ledger_url: Annotated[str, AfterValidator(database_url)] | None = Field(None, repr=False)
    home: Path = Field(Path(), description="The folder that contains `data/`.")
    spans_host: Host = "127.0.0.1"
    spans_port: int = Field(28010, ge=1, le=65535)
    worker_url: Annotated[str, AfterValidator(_http_url)] | None = None
    dapr_max_body_size: BodySize | None = Field(
        None, description="daprd's --max-body-size, if it is known."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"

    @property
    def endpoint(self) -> str:
        """The address of the sidecar's gRPC API."""
        return self.grpc_endpoint or f"127.0.0.1:{self.grpc_port}"

    @property
    def data(self) -> Path:
        """The folder of all persistent data."""
        return self.home.resolve() / "data"

    @property
    def state_store(self) -> Path:
        """The file of the state store, if `make run` started Dapr with its default resources."""
        return self.data / "dapr.db"

    @property
    def max_body_size(self) -> int | None:
        """The sidecar's --max-body-size in bytes, None if it is not known."""
        return body_size(self.dapr_max_body_size) if self.dapr_max_body_size else None

    @property
    def ledger(self) -> str:
        """The SQLAlchemy URL of the ledger; by default a SQLite file under `data/`."""
        return self.ledger_url or f"sqlite:///{self.data / 'ledger.db'}"
