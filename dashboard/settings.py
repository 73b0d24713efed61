"""The settings of the dashboard."""

from typing import Annotated

from pydantic import AfterValidator, Field

from dashboard.link_patterns import link_pattern
from operations.settings import Host, ServerSettings

LinkPattern = Annotated[str, AfterValidator(link_pattern)]


class DashboardSettings(ServerSettings):
    """The address that the pages are served at, and what they offer.

    `log_link` and `trace_link` are patterns of links, empty for no link.
    """

    page_host: Host = "127.0.0.1"
    page_port: int = Field(8501, ge=1, le=65535)
    orders: bool = True
    confirm_terminate: bool = False
    log_link: LinkPattern = ""
    trace_link: LinkPattern = ""
