"""Batches of events: step, commit, then act.

The events of a batch are stepped one by one, their durable effects are committed in one transaction, and only then does
anything go on the wire (`core.order`). If the commit fails, the batch has not happened: nothing was acknowledged, and
the devices send again.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Hashable, Iterable, Sequence

from mfpt_coord.core.effects import Action, Effect, SaveFold
from mfpt_coord.core.events import ClientSaid, DeviceMet, DistancesFound, Event, MemberSaid
from mfpt_coord.core.machine import step
from mfpt_coord.core.opening import opened
from mfpt_coord.core.order import actions, durable_effects
from mfpt_coord.core.state import State
from mfpt_coord.server.complaints import Complaints
from mfpt_coord.server.observer import Observer, Unobserved
from mfpt_coord.server.store import Store
from mfpt_coord.server.stored_errors import StoreLost
from mfpt_shared.errors import Damaged, MfptError

_log = logging.getLogger(__name__)


class Batches:
    """Takes events to where they lead.

    Attributes:
        state: What the coordinator knows, as it is saved.
        complaints: What the log says while nothing can be saved.
    """

    def __init__(
        self,
        state: State,
        store: Store,
        carry_out: Callable[[Action, State], None],
        observer: Observer | None = None,
    ) -> None:
        """Begin with a state.

        Args:
            state: What the store has loaded.
            store: Where it is kept.
            carry_out: Carries out an action, with the state that is saved by then.
            observer: Is told what was done; None: nobody is.
        """
        self.state = state
        self.complaints = Complaints()
        self._store = store
        self._carry_out = carry_out
        self._observer = observer or Unobserved()
        self._unsaved: list[Event] | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the last batch could not be saved, and is to be tried again."""
        return self._unsaved is not None

    @property
    def unsaved(self) -> int:
        """Number of events that wait because they could not be saved."""
        return len(self._unsaved or ())

    def open(self, at: float) -> None:
        """Begin a run at a time, Unix seconds."""
        self.state = opened(self.state, at)

    def take(self, events: Sequence[Event], at: float) -> None:
        """Take a batch. If it cannot be saved, what devices say only once is part of the next.

        Args:
            events: Events, in order.
            at: Time, in seconds.

        Raises:
            Damaged: Nothing can be saved any more.
        """
        events = [*(self._unsaved or ()), *events]
        saved = self.saved(events, at)
        self._unsaved = None if saved else said_once(events)

    def saved(self, events: Sequence[Event], at: float) -> bool:
        """Step through events, commit, and carry out what they call for; tell whether the commit succeeded.

        Args:
            events: Events, in order.
            at: Time, in seconds.

        Raises:
            Damaged: Nothing can be saved any more.
            StoreLost: The database server is gone, and another coordinator may have taken over.
        """
        began = time.perf_counter()
        after, effects = self._stepped(events)
        if not self._committed(effects, at):
            return False
        self.state = after
        for action in actions(effects):
            self._carry_out(action, after)
        self._observer.took(len(events), time.perf_counter() - began)
        return True

    def _committed(self, effects: Sequence[Effect], at: float) -> bool:
        """Commit what is durable, and tell whether that succeeded.

        Raises:
            Damaged: Nothing can be saved any more.
            StoreLost: The database server is gone, and another coordinator may have taken over.
        """
        durable = durable_effects(effects)
        if not durable:
            return True
        began = time.perf_counter()
        try:
            self._store.commit(durable)
        except (Damaged, StoreLost):
            raise
        except (sqlite3.Error, MfptError) as error:
            self.complaints.failed(str(error), at)
            self._observer.not_saved()
            return False
        self.complaints.succeeded()
        self._observer.saved(time.perf_counter() - began)
        return True

    def _stepped(self, events: Sequence[Event]) -> tuple[State, list[Effect]]:
        state, effects = self.state, list[Effect]()
        for event in events:
            began = time.perf_counter()
            try:
                state, more = step(state, event)
            except Exception:  # noqa: BLE001 - the service loop's own guard: one bad event ends nothing
                _log.exception("an event was dropped: %s", type(event).__name__)
                continue
            effects += more
            if any(isinstance(effect, SaveFold) for effect in more):
                self._observer.folded(time.perf_counter() - began)
        return state, effects


def said_once(events: Iterable[Event]) -> list[Event]:
    """Return what nobody says again if a commit fails, in order: of each kind the newest that a device has said.

    However long a disk is full, these are no more than a few for each device.
    """
    newest: dict[Hashable, Event] = {}
    for event in events:
        match event:
            case ClientSaid(client=client, message=message):
                kind: Hashable = (client, type(message))
            case MemberSaid(client=client, message=said):
                kind = (client, type(said))
            case DeviceMet(client=client):
                kind = client
            case DistancesFound(languages=languages):
                kind = frozenset(languages)
            case _:
                continue
        newest.pop(kind, None)  # it goes to the end
        newest[kind] = event
    return list(newest.values())
