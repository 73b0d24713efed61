"""Structured logs of Flowdeck and its libraries: one line per event, as text or JSON."""

import logging
import sys

import structlog
from structlog.typing import Processor

from operations.settings import OperationsSettings

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logs(settings: OperationsSettings) -> None:
    """Send all log lines of this process to standard output in one format; call it once."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings),
            ],
            foreign_pre_chain=_SHARED,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    logging.getLogger("uvicorn.error").addFilter(_is_wanted)
    # Alembic logs its plugins when it is imported.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Return False for the error that uvicorn logs after each websocket that was refused."""
    return record.msg != "ASGI callable returned without completing handshake."


def _renderers(settings: OperationsSettings) -> list[Processor]:
    if settings.log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(),
            pad_event_to=0,
            # The default one shows local variables: tokens and payloads.
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]
