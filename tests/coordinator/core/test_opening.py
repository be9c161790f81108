"""A coordinator's clock may be set to anything between two runs: what was accepted is folded all the same, soon."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_coord.core.clients import Clients
from mfpt_coord.core.opening import opened
from mfpt_coord.core.schedule import RETURN_SECONDS, next_deadline
from support.coordinator_core import SWAHILI, ZULU, Federation

FOLD_AFTER = 600.0
CLOCKS = st.floats(0, 4e9)


def restarted(federation: Federation, clock: float) -> None:
    """Start the coordinator again at a time that its machine says it is; nobody is known to be online."""
    federation.now = clock
    known = federation.state.clients.values()
    clients = Clients.of(replace(client, state="offline", ready=False, assignment=None) for client in known)
    federation.state = opened(replace(federation.state, clients=clients), clock)


@settings(max_examples=100)
@given(clocks=st.lists(CLOCKS, min_size=1, max_size=4), passes=st.lists(st.floats(0, 20), min_size=4, max_size=4))
def test_an_update_is_folded_soon_after_any_start(clocks: list[float], passes: list[float]) -> None:
    federation = Federation(buffer=9, fold_after=FOLD_AFTER)
    federation.ready("a")
    federation.ready("b", ZULU)
    federation.update("a")
    for clock, seconds in zip(clocks, passes, strict=False):
        restarted(federation, clock)
        federation.passes(seconds)
    federation.passes(RETURN_SECONDS + FOLD_AFTER)
    assert federation.state.version == 1


@given(clock=CLOCKS)
def test_devices_have_time_to_come_back_whatever_the_clock_said_before(clock: float) -> None:
    federation = Federation(buffer=9, fold_after=FOLD_AFTER)
    federation.ready("a")
    federation.update("a")
    restarted(federation, clock)
    federation.passes(RETURN_SECONDS - 1)
    assert federation.state.version == 0
    assert next_deadline(federation.state, federation.now) <= clock + max(RETURN_SECONDS, FOLD_AFTER)


@given(clock=CLOCKS)
def test_nobody_was_last_seen_in_the_future(clock: float) -> None:
    federation = Federation()
    federation.ready("a", SWAHILI)
    state = opened(federation.state, clock)
    assert state.clients["a"].last_seen <= clock
