"""ASGI middleware that refuses foreign requests, and restricts what browsers do with responses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from operations.web.access import CHECKED, AccessRules

NO_SOURCES = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of responses that are not pages."""
_RESPONSES = frozenset({"http.response.start", "websocket.http.response.start"})


@dataclass(frozen=True)
class Policies:
    """The Content-Security-Policy of each path, `default` for all others."""

    default: str = NO_SOURCES
    by_path: Mapping[str, str] = field(default_factory=dict)

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers that every response of a path has."""
        return {
            "content-security-policy": self.by_path.get(path, self.default),
            "x-frame-options": "DENY",  # for browsers without `frame-ancestors`
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",  # other pages cannot load it as an image
            "cross-origin-opener-policy": "same-origin",  # nor hold on to a window that they opened
        }


class Guard:
    """Answers requests that `access` refuses, and adds security headers to each response.

    `probes` are paths with constant answers that any host may name: Kubernetes asks for them by
    the address of the pod. Requests of other sites are refused before their bodies are read.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: AccessRules,
        policies: Policies | None = None,
        probes: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._access = access
        self._policies = policies or Policies()
        self._probes = probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an allowed request on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        security = self._policies.headers(scope["path"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] in _RESPONSES:
                MutableHeaders(scope=message).update(security)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "http":
            await refusal(scope, receive, send_with_headers)
        else:
            socket = WebSocket(scope, receive, send_with_headers)
            await socket.send_denial_response(refusal)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        is_websocket = scope["type"] == "websocket"
        method = scope.get("method", "GET")
        if method in {"GET", "HEAD"} and scope["path"] in self._probes:
            return None
        values = {name: Headers(scope=scope).getlist(name) for name in CHECKED}
        headers = {name: ", ".join(sent) for name, sent in values.items() if sent}
        found = self._access.refusal(method, headers, is_websocket=is_websocket)
        if found is None:
            return None
        return JSONResponse({"error": found.error, "detail": found.message}, found.status_code)
