"""Reruns a fragment of an open page from the server, by Streamlit's internals.

A trigger of a widget could request the rerun. But if the trigger is sent after a click on a link
and before the server's answer, Streamlit reruns the old page, and the click is lost. The server
knows whether a request of the browser is in progress, and waits for its end.
"""

import secrets
from dataclasses import dataclass
from typing import Protocol

import streamlit as st
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

FRAGMENT_KEY, TEXTS_KEY = "live-fragment", "live-texts"  # in the session state


@dataclass(frozen=True)
class LiveFragment:
    """The fragment of a page that is rerun, and the version of the system's state that it shows.

    `render_id` is a random id of the last render of the fragment.
    """

    fragment_id: str
    version: str
    render_id: str


def register_fragment(version: str) -> tuple[str, str]:
    """Make the running fragment the one that live updates rerun.

    Return the id of its session, and the id of this render, which the browser reports after it has
    shown the render.
    """
    context = get_script_run_ctx()
    fragment = LiveFragment(ThreadState.get().fragment_id or "", version, secrets.token_hex(4))
    st.session_state[FRAGMENT_KEY] = fragment
    return context.session_id if context else "", fragment.render_id


def keep_texts() -> None:
    """Keep the texts of fields that the browser sent with this run, for reruns from the server.

    Call this function before the first field. Streamlit sets a field whose text is missing in a
    request to the text in the address. That would undo what the user has typed since.
    """
    context = get_script_run_ctx()
    sent = context.session_state.get_widget_states() if context else []
    st.session_state[TEXTS_KEY] = [each for each in sent if each.HasField("string_value")]


class LiveSession(Protocol):
    """The session of one open page. Its methods run on the server's event loop."""

    @property
    def version(self) -> str:
        """The version that the page shows; empty until its live fragment has run."""

    @property
    def render_id(self) -> str:
        """The id of the last render of the live fragment; empty until it has run."""

    async def wait_until_settled(self) -> None:
        """Wait until all requests of the browser are done."""

    def rerun(self) -> None:
        """Rerun the live fragment. Call it only while all requests of the browser are done."""


def find_session(session_id: str) -> LiveSession | None:
    """Return the session; None if no browser is connected to it, for example after a restart."""
    session = Runtime.instance().get_app_session(session_id)
    return _StreamlitSession(session) if session else None


class _StreamlitSession:
    def __init__(self, session: AppSession) -> None:
        self._session = session
        session.track_settling()  # required by `wait_until_settled`

    @property
    def version(self) -> str:
        return self._fragment.version

    @property
    def render_id(self) -> str:
        return self._fragment.render_id

    async def wait_until_settled(self) -> None:
        while not self._session.is_settled:  # a request may arrive before this task goes on
            await self._session.wait_until_settled()

    def rerun(self) -> None:
        state = ClientState()
        state.CopyFrom(self._session._client_state)  # noqa: SLF001 - the page, its query and time zone
        state.widget_states.widgets.extend(self._texts)
        state.fragment_id = self._fragment.fragment_id
        state.is_auto_rerun = True
        if state.fragment_id:
            self._session.request_rerun(state)

    @property
    def _texts(self) -> list[WidgetState]:
        try:
            texts: list[WidgetState] = self._session.session_state[TEXTS_KEY]
        except KeyError:
            return []
        return texts

    @property
    def _fragment(self) -> LiveFragment:
        try:
            fragment = self._session.session_state[FRAGMENT_KEY]
        except KeyError:
            return LiveFragment("", "", "")
        assert isinstance(fragment, LiveFragment)  # noqa: S101 - only `register_fragment` writes it
        return fragment
