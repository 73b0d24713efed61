"""Which hosts and which origins a request may name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from operations.settings import ServerSettings, is_loopback

SETTINGS = "FLOWDECK_PUBLIC_URL or FLOWDECK_ALLOWED_HOSTS"
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[\w.:\[\]-]+")
_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+", re.IGNORECASE)
CHECKED = ("host", "origin", "sec-fetch-site")
"""The headers that are checked; a repeated one counts as all its values, joined by commas."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none"})  # "none": the user typed the address


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused; the message is written for the user."""

    status_code: int
    error: str
    message: str


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int | None


@dataclass(frozen=True)
class AccessRules:
    """Which hosts and origins requests may name; by default only this machine's.

    A web page of another site can send requests to a server on the reader's machine, or give the
    server a name of its own (DNS rebinding). `hosts` are allowed besides the loopback. `public_url`
    is the address in browsers if a proxy serves it, for example by TLS.
    """

    hosts: frozenset[str] = frozenset()
    public_url: str = ""

    @classmethod
    def of(cls, settings: ServerSettings, listens_at: str) -> "AccessRules":
        """Return the rules of a server that listens at a host."""
        names = {name.lower() for name in (*settings.allowed_hosts, listens_at)}
        return cls(frozenset(names), settings.public_url)

    def refusal(
        self, method: str, headers: Mapping[str, str], *, is_websocket: bool = False
    ) -> Refusal | None:
        """Return why a request is refused, None if it is not."""
        host = headers.get("host", "")
        if not self.allows_host(host):
            return host_not_allowed(host)
        if method in _SAFE_METHODS and not is_websocket:
            return None
        origin = headers.get("origin")
        if origin is not None and not self._allows_origin(origin, host):
            return foreign_page("Origin", origin)
        site = headers.get("sec-fetch-site", "none")
        return None if site in _OWN_SITE else foreign_page("Sec-Fetch-Site", site)

    def allows_host(self, host: str) -> bool:
        """Return whether a `Host` header names this server; its port does not matter."""
        found = _parsed(f"http://{host}") if _HOST.fullmatch(host) else None
        if found is None:
            return False
        public = _parsed(self.public_url)
        return (
            is_loopback(found.host)
            or found.host in self.hosts
            or (public is not None and found.host == public.host)
        )

    def _allows_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of this server sent a request.

        Behind a proxy with TLS the page's scheme is https, while this server sees http.
        """
        found = _parsed(origin) if _ORIGIN.fullmatch(origin) else None
        public = _parsed(self.public_url)
        if found is None:  # also "null", the origin of a sandboxed frame
            return False
        if public and _parsed(f"{public.scheme}://{host}") == public:
            return found == public
        return found in {public, _parsed(f"{found.scheme}://{host}")}


def _parsed(url: str) -> _Origin | None:
    """Return the origin of a URL, None if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return _Origin(parts.scheme, parts.hostname.rstrip("."), port or _PORTS[parts.scheme])


def host_not_allowed(host: str) -> Refusal:
    """Return the refusal of a request that names this host."""
    return Refusal(
        421,
        "HostNotAllowed",
        f"Host: found {host[:200]!r}, expected a name of this server. "
        f"Set {SETTINGS} to allow other names.",
    )


def foreign_page(header: str, found: str) -> Refusal:
    """Return the refusal of a request of another page, which this header shows."""
    return Refusal(
        403,
        "ForeignOrigin",
        f"{header}: found {found[:200]!r}, expected a page of this server. If a proxy serves it "
        "under another address, set FLOWDECK_PUBLIC_URL to that address.",
    )
