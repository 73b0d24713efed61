"""The actions on instances; pages, REST API and bulk jobs change instances only by these."""

from operations.actions.context import ActionContext, ActionLimits
from operations.actions.purge import PurgeResult, Purges
from operations.actions.raise_event import ExternalEvents
from operations.actions.recording import ActionResult, Recording
from operations.actions.rerun import RerunRequest, RerunResult, Reruns
from operations.actions.start import StartRequest, StartResult, Starts
from operations.actions.status_changes import StatusChanges
from operations.actions.subtree import PurgeOptions
from operations.errors import UnknownInstance
from operations.gateway import Gateway
from operations.ledger import Ledger
from operations.model import Action, Instance
from operations.timeline.rerun_plan import RerunPlan


class Actions:
    """Acts on instances through the gateway, and records in the ledger who did what and why.

    A start reserves the instance id. Every other action leases the instance, checks its status,
    writes an audit entry, calls the gateway, completes the entry, and records the instance as it is
    then. Every method may raise `DaprUnavailable`, `DaprRefused`
    and `LedgerUnavailable`. Methods that change something may also raise `ActionNotAllowed` if the
    status does not allow the action, `ActionInProgress`, `OutcomeUnknown`, and `RunReplaced` if the
    context names a run that is not the latest; start, purge and rerun may raise `LedgerRefused`.
    Pause, resume, terminate and raise work while the ledger is away.
    """

    def __init__(
        self, gateway: Gateway, ledger: Ledger, limits: ActionLimits | None = None
    ) -> None:
        limits = limits or ActionLimits()
        recording = Recording(gateway, ledger, limits)
        self._gateway = gateway
        self._starts = Starts(gateway, ledger, limits)
        self._status_changes = StatusChanges(gateway, recording)
        self._purges = Purges(gateway, ledger, recording, limits)
        self._reruns = Reruns(gateway, ledger, recording, limits)
        self._events = ExternalEvents(gateway, recording)

    def read(self, instance_id: str) -> Instance:
        """Return the instance as the engine has it now; raise `UnknownInstance`."""
        instance = self._gateway.state(instance_id)
        if instance is None:
            raise UnknownInstance(instance_id)
        return instance

    def start(self, request: StartRequest, context: ActionContext) -> StartResult:
        """Start an instance once, even if several processes request the same start repeatedly.

        A repeated start returns the running instance. It returns a finished instance only if the
        request has `is_new_id`, or if the first request was unanswered when this one arrived. Raise
        `InvalidInput` for an unsafe id, `InstanceExists` for an id that is taken,
        `TooManyStarts` if the start waited too long behind others, and `OutcomeUnknown` if the
        engine, or another request with the same start, takes too long.
        """
        return self._starts.start(request, context)

    def pause(self, instance_id: str, context: ActionContext) -> ActionResult:
        """Suspend an instance; raise `UnknownInstance`."""
        return self.change_status(Action.PAUSE, instance_id, context)

    def resume(self, instance_id: str, context: ActionContext) -> ActionResult:
        """Resume an instance; raise `UnknownInstance`."""
        return self.change_status(Action.RESUME, instance_id, context)

    def terminate(self, instance_id: str, context: ActionContext) -> ActionResult:
        """Terminate an instance and its descendants; raise `UnknownInstance`."""
        return self.change_status(Action.TERMINATE, instance_id, context)

    def change_status(
        self, action: Action, instance_id: str, context: ActionContext
    ) -> ActionResult:
        """Pause, resume or terminate an instance, unless it already has the status.

        Raise `UnknownInstance`.
        """
        return self._status_changes.change(action, instance_id, context)

    def purge(
        self, instance_id: str, context: ActionContext, options: PurgeOptions | None = None
    ) -> PurgeResult:
        """Archive an instance and its descendants in the ledger, then delete them in the engine.

        With `force`, unfinished instances are purged too: the ledger archives their histories so
        far, activities in progress run to their end without effect, and a parent that waits for the
        instance waits forever. After a purge of many descendants was interrupted, the same request
        continues it. Raise `UnknownInstance`, `NotFinished` for a descendant, `TooManyDescendants`
        and `NotArchived`.
        """
        return self._purges.purge(instance_id, context, options or PurgeOptions())

    def rerun(self, request: RerunRequest, context: ActionContext) -> RerunResult:
        """Run a finished instance again from one of its events, as another instance, once.

        Raise `UnknownInstance`, `NotRerunnable`, `InvalidInput` for an unsafe id, and
        `InstanceExists` for an id that is taken.
        """
        return self._reruns.rerun(request, context)

    def rerun_plan(self, request: RerunRequest) -> RerunPlan:
        """Return the effects of a rerun without making it; raise the same errors as `rerun`."""
        return self._reruns.plan(request)

    def raise_event(
        self, instance_id: str, name: str, payload: str | None, context: ActionContext
    ) -> ActionResult:
        """Raise an external event, with JSON text or without a payload, to a running instance.

        A suspended instance processes the event when it is resumed. The same call again raises
        another event. Raise `UnknownInstance`, and `InvalidInput` for a text that cannot name an
        event and for an event that would stall the instance, if the engine's limit is known.
        """
        return self._events.raise_event(instance_id, name, payload, context)
