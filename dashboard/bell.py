"""A bell for open pages: it rings when what they show has changed, so that none of them polls."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

LOOK_EVERY = 0.15  # seconds between two looks while a page is open
PATH = "/flowdeck/bell"
_PROCESS = secrets.token_hex(4)


def stamped(version: str) -> str:
    """Return a version with this process's own mark: another process knows nothing of a page."""
    return f"{_PROCESS}/{version}"


class Bell:
    """Looks for all open pages together, and tells them when there is something new.

    `look` returns the version of what there is to see; it may block, and does not raise. Nobody
    looks while no page is open. A page says which version it shows, and hears of each later one.
    """

    def __init__(self, look: Callable[[], str]) -> None:
        self._look = look
        self._version = ""
        self._rung = asyncio.Condition()
        self._pages = 0
        self._looking: asyncio.Task[None] | None = None

    @property
    def route(self) -> WebSocketRoute:
        """The address that pages connect to."""
        return WebSocketRoute(PATH, self._serve)

    async def _serve(self, page: WebSocket) -> None:
        await page.accept()
        try:
            async with self._looked_for(), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ring(page, await page.receive_text()))
                while True:
                    await page.receive_text()  # pages say no more: this ends when they leave
        except* WebSocketDisconnect:
            pass

    async def _ring(self, page: WebSocket, shown: str) -> None:
        while True:
            async with self._rung:
                await self._rung.wait_for(lambda: self._version not in {"", shown})  # noqa: B023 - at once
                shown = self._version
            await page.send_text(shown)

    @asynccontextmanager
    async def _looked_for(self) -> AsyncIterator[None]:
        self._pages += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._looking.cancel()
                self._looking, self._version = None, ""

    async def _look_on(self) -> None:
        while True:
            version = await asyncio.to_thread(self._look)
            if version != self._version:
                async with self._rung:
                    self._version = version
                    self._rung.notify_all()
            await asyncio.sleep(LOOK_EVERY)
