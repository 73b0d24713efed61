"""The response that sends an export as a file."""

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Send

from operations.errors import FlowdeckError
from operations.export.export import Export

log = structlog.get_logger(__name__)


class Download(StreamingResponse):
    """Sends an export while it is generated.

    If the ledger fails meanwhile, the response has no last chunk, and the server closes the
    connection: browsers and curl report an incomplete file. A client of HTTP/1.0, which knows no
    chunks, cannot tell.
    """

    def __init__(self, export: Export) -> None:
        headers = {
            "content-disposition": f'attachment; filename="{export.name}"',
            "cache-control": "no-store",
        }
        super().__init__(export.chunks, headers=headers, media_type=export.media_type)
        self._name = export.name

    async def stream_response(self, send: Send) -> None:
        """Send the chunks; the last message is missing if the ledger fails."""
        try:
            await super().stream_response(send)
        except FlowdeckError as error:
            log.warning("an export is incomplete", file=self._name, reason=str(error))
