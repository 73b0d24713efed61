"""Live updates: the server reruns the live fragment of open pages after a change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.live.fragment_reruns import LiveSession, find_session

PATH = "/flowdeck/live"
MAX_PAGES = 200  # open at once; each costs a task and some memory
TRY_AGAIN_LATER = 1013  # the close code of a page that is too many
LIVE = "live"  # sent to a page whose session the server knows
RERUN_PAGE = "rerun page"  # sent to a page whose session the server does not know


@dataclass(frozen=True)
class Intervals:
    """Seconds between two reads of the version, and minimum seconds between updates of a page."""

    read: float = 0.15  # within which a change is noticed; the update may be later
    update: float = 1.0  # so that a page that changes constantly stays usable


class LiveUpdates:
    """Reads the version once for all open pages, and updates pages that show another version.

    `read_version` returns the version of the system's state; it may block, and does not raise. It
    is called only while a page is open. A page is open while its tab is visible: it then keeps a
    websocket open, over which it has sent the id of its session.
    """

    def __init__(
        self,
        read_version: Callable[[], str],
        intervals: Intervals | None = None,
        find_session: Callable[[str], LiveSession | None] = find_session,
        max_pages: int = MAX_PAGES,
    ) -> None:
        self._max_pages = max_pages
        self._read_version = read_version
        self._find_session = find_session
        self._intervals = intervals or Intervals()
        self._version = ""
        self._changed = asyncio.Condition()
        self._open_pages = 0
        self._reading: asyncio.Task[None] | None = None

    @property
    def route(self) -> WebSocketRoute:
        """The address that pages connect to."""
        return WebSocketRoute(PATH, self._serve)

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        if self._open_pages >= self._max_pages:
            await socket.close(TRY_AGAIN_LATER)
            return
        try:
            async with self._reading_versions(), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_current(socket, await socket.receive_text()))
                while True:
                    await socket.receive_text()  # a page sends nothing else: raises when it closes
        except* WebSocketDisconnect:
            pass

    async def _keep_current(self, socket: WebSocket, session_id: str) -> None:
        while True:
            session = self._find_session(session_id)
            await socket.send_text(LIVE if session else RERUN_PAGE)
            if session:
                await self._wait_for_change(session)
                await session.rerun()
            await asyncio.sleep(self._intervals.update)

    async def _wait_for_change(self, session: LiveSession) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._version not in {"", session.version})

    @asynccontextmanager
    async def _reading_versions(self) -> AsyncIterator[None]:
        self._open_pages += 1
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_versions())
        try:
            yield
        finally:
            self._open_pages -= 1
            if not self._open_pages:
                self._reading.cancel()
                self._reading, self._version = None, ""

    async def _read_versions(self) -> None:
        while True:
            version = await asyncio.to_thread(self._read_version)
            if version != self._version:
                async with self._changed:
                    self._version = version
                    self._changed.notify_all()
            await asyncio.sleep(self._intervals.read)
