"""The texts that an attached Flowdeck prints: the application, what is missing, the addresses."""

from system.attach.probe import SidecarReport
from system.attach.settings import AttachSettings

IN_COMPANION = "Workers connect to the application's own sidecar, so their number is unknown here."
NO_WORKER = (
    "Missing: no worker is connected to the sidecar, so workflows make no progress, and no action "
    "is possible. Start the application."
)


def found_text(report: SidecarReport, *, is_companion: bool) -> str:
    """Return the application, its Dapr, its workers, and a line for everything that is missing."""
    workers = "" if report.workers is None else f", workers connected: {report.workers}"
    lines = [f"Attached to the application {report.app_id!r}: Dapr {report.version}{workers}."]
    lines += [f"Missing: {problem}." for problem in report.problems]
    if report.workers == 0:
        lines.append(NO_WORKER)
    if is_companion:
        lines.append(IN_COMPANION)
    return "\n".join(lines)


def waiting_text(address: str, reason: str) -> str:
    """Return that the sidecar is away, and why."""
    return f"Waiting for the sidecar at {address}. {reason}\nThe pages show the outage until then."


def welcome_text(settings: AttachSettings, *, is_companion: bool) -> str:
    """Return the addresses, and the lines of Dapr's configuration that enable trace spans."""
    api, page = settings.addresses["api"], settings.addresses["dashboard"]
    sidecar = "the application's own sidecar" if is_companion else "the sidecar"
    return f"""
Flowdeck is attached. Press Ctrl-C to stop it; the application continues.

  Dashboard  {page}
  REST API   {api}
  API docs   {api}/docs

Trace spans are optional: with them, changes appear at once, and queue time is known. They need
these lines in the Dapr configuration of {sidecar}:
  spec:
    tracing:
      samplingRate: "1"
      zipkin:
        endpointAddress: "{settings.span_endpoint}"
"""
