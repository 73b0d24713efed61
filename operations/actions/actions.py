"""What an operator can do to instances; pages, REST API and bulk jobs call these methods alone."""

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

    Each action checks the status, leases the instance, calls the gateway, reads the instance again,
    records it, and writes the audit log. Every method may raise `DaprUnavailable`, `DaprRefused`
    and `LedgerUnavailable`; those that change something also `ActionNotAllowed` for a status that
    does not allow it, `ActionInProgress`, `OutcomeUnknown`, and `RunReplaced` if the context names
    a run that is not the latest. Pause, resume, terminate and raise work without the ledger.
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
        """Return the instance as the engine has it now; raises `UnknownInstance`."""
        instance = self._gateway.state(instance_id)
        if instance is None:
            raise UnknownInstance(instance_id)
        return instance

    def start(self, request: StartRequest, context: ActionContext) -> StartResult:
        """Start an instance once, however often and from wherever the same start is requested.

        The same start again returns the running instance; a finished one only if the request says
        `is_new_id`, or if nobody had been told of it when the request arrived. Raises
        `InvalidInput` for an unsafe id, `InstanceExists` for one that is taken, and
        `OutcomeUnknown` if the engine, or another request with the same start, takes too long.
        """
        return self._starts.start(request, context)

    def pause(self, instance_id: str, context: ActionContext) -> ActionResult:
        """Suspend an instance; raises `UnknownInstance`."""
        return self.change_status(Action.PAUSE, instance_id, context)

    def resume(self, instance_id: str, context: ActionContext) -> ActionResult:
        """Resume an instance; raises `UnknownInstance`."""
        return self.change_status(Action.RESUME, instance_id, context)

    def terminate(self, instance_id: str, context: ActionContext) -> ActionResult:
        """Terminate an instance and its children; raises `UnknownInstance`."""
        return self.change_status(Action.TERMINATE, instance_id, context)

    def change_status(
        self, action: Action, instance_id: str, context: ActionContext
    ) -> ActionResult:
        """Pause, resume or terminate an instance; one that has the status already is left as it is.

        Raises `UnknownInstance`.
        """
        return self._status_changes.change(action, instance_id, context)

    def purge(
        self, instance_id: str, context: ActionContext, options: PurgeOptions | None = None
    ) -> PurgeResult:
        """Archive an instance and its descendants in the ledger, then delete them in the engine.

        By force also if they have not finished: the ledger archives their histories so far,
        activities under way run to their end without effect, and a parent that waits for the
        instance waits forever. A purge of many descendants that was cut goes on with the same
        request. Raises `UnknownInstance`, `NotFinished` for a descendant, `TooManyDescendants` and
        `NotArchived`.
        """
        return self._purges.purge(instance_id, context, options or PurgeOptions())

    def rerun(self, request: RerunRequest, context: ActionContext) -> RerunResult:
        """Run a finished instance again from one of its events, as another instance, once.

        Raises `UnknownInstance`, `NotRerunnable`, `InvalidInput` for an unsafe id, and
        `InstanceExists` for one that is taken.
        """
        return self._reruns.rerun(request, context)

    def rerun_plan(self, request: RerunRequest) -> RerunPlan:
        """Return what a rerun would keep and run again; raises as `rerun` does."""
        return self._reruns.plan(request)

    def raise_event(
        self, instance_id: str, name: str, payload: str | None, context: ActionContext
    ) -> ActionResult:
        """Raise an external event, with JSON text or without a payload, to a running instance.

        A suspended instance takes it when it is resumed. The same call again raises another event.
        Raises `UnknownInstance`, and `InvalidInput` for a text that cannot name an event.
        """
        return self._events.raise_event(instance_id, name, payload, context)
