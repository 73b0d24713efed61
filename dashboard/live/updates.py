"""Live updates: the server reruns the live fragment of open pages after a change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
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
    """Seconds between two reads of the version, and minimum seconds between updates of a page.

    An update waits at most `report_timeout` seconds for the report of the last render.
    """

    read: float = 0.15  # within which a change is noticed; the update may be later
    update: float = 1.0  # so that a page that changes constantly stays usable
    report_timeout: float = 30.0


class _OpenPage:
    """An open page: the id of its session, and the render of its live fragment that it shows."""

    def __init__(self, session_id: str, report_timeout: float) -> None:
        self.session_id = session_id
        self._report_timeout = report_timeout
        self._shown = ""
        self._reported = asyncio.Event()

    def report(self, render_id: str) -> None:
        """Remember the render that the browser shows."""
        self._shown = render_id
        self._reported.set()

    async def wait_until_shown(self, session: LiveSession) -> None:
        """Wait until no request is in progress and the browser shows the last render of the page.

        Returns after `report_timeout` too, because a report may be lost.
        """
        is_late = False
        while True:
            await session.wait_until_settled()
            if is_late or self._shown == session.render_id:
                return
            is_late = not await self._is_reported()

    async def _is_reported(self) -> bool:
        """Wait for the next report; return False if none arrives in time."""
        self._reported.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reported.wait(), self._report_timeout)
        return self._reported.is_set()


class LiveUpdates:
    """Reads the version once for all open pages, and updates pages that show another version.

    A page is updated after its browser has shown the last render. If Streamlit's browser code
    handles a page and its first update together, it takes the update for another page, and drops
    what the update lacks.

    `read_version` returns the version of the system's state; it may block, and does not raise. It
    is called only while a page is open. A page is open while its tab is visible: it then keeps a
    websocket open, over which it sends the id of its session, and then the id of each render of its
    live fragment that it shows.
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
                page = _OpenPage(await socket.receive_text(), self._intervals.report_timeout)
                tasks.create_task(self._keep_current(socket, page))
                while True:  # until the page closes, which raises
                    page.report(await socket.receive_text())
        except* WebSocketDisconnect:
            pass

    async def _keep_current(self, socket: WebSocket, page: _OpenPage) -> None:
        while True:
            session = self._find_session(page.session_id)
            await socket.send_text(LIVE if session else RERUN_PAGE)
            if session:
                await self._wait_for_change(session)
                await page.wait_until_shown(session)
                session.rerun()
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
