"""Checks at the broker, over one connection that only listens: login, delivery, coordinator, versions.

Nothing is left behind: no state is published, no session is kept, and an invitation stays as good as it was.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from mfpt_edge.doctor.examination import Answer, ok, skipped, warning
from mfpt_edge.doctor.heard import Heard
from mfpt_edge.session.standing import as_people_read_it
from mfpt_shared import __version__
from mfpt_shared.clock import Clock
from mfpt_shared.errors import AuthenticationFailed, ConnectionFailed, TimedOut
from mfpt_shared.keys import fingerprint
from mfpt_shared.protocol.messages import PROTOCOL, CoordinatorState
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, COORDINATOR_STATE, PLAN
from mfpt_shared.texts import printable
from mfpt_shared.transport.base import Transport

LISTEN_SECONDS: Final = 4.0
"""Time in which the broker has sent what it keeps, and the coordinator some beats, of which there is one a second."""
PROBE: Final = b"doctor"
"""The message of one's own."""


class Visit:
    """One connection to the broker; asked for in the order of the methods.

    Attributes:
        heard: What is heard over it.
    """

    def __init__(
        self,
        transport: Transport,
        heard: Heard,
        explain: Callable[[AuthenticationFailed], AuthenticationFailed],
        wall: Clock = time.time,
        patience: float = LISTEN_SECONDS,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            transport: Connection of a client id that pushes nobody out.
            heard: What has been heard: nothing yet.
            explain: Says what to do about a login that is refused.
            wall: Clock of this machine, Unix seconds.
            patience: Longest time to wait for what the broker keeps and for a beat, seconds.
        """
        self._transport = transport
        self.heard = heard
        self._explain = explain
        self._wall = wall
        self._patience = patience
        self._has_sent = False

    async def log_in(self) -> Answer:
        """Log in."""
        try:
            await self._transport.connect()
        except AuthenticationFailed as error:
            raise self._explain(error) from error
        return ok("the broker lets this device in")

    async def broker(self) -> Answer:
        """See whether the broker delivers."""
        await self._listen()
        heard, federation = self.heard, self.heard.listener.federation
        if heard.cut:
            raise ConnectionFailed(
                f"the broker has cut the connection ({heard.cut}); is somebody else logged in as the same user?"
            )
        if heard.all_refused:
            raise AuthenticationFailed(
                f"the broker does not let this user read anything of federation {federation}; is that its name? Ask "
                "the operator"
            )
        if heard.is_back:
            return ok("a message with QoS 1 has come back")
        if heard.beat is not None:
            return ok("it delivers: a beat of the coordinator has come")
        if heard.anything:
            return ok("it delivers what it keeps")
        return warning(
            f"it has delivered nothing of federation {federation} within {self._patience:g} s", "see coordinator"
        )

    async def coordinator(self) -> Answer:
        """See whether the coordinator is there."""
        heard, federation = self.heard, self.heard.listener.federation
        if heard.older is not None:
            return ok("one answers; see versions")
        if heard.problem is not None:
            raise heard.problem
        if heard.said is None:
            raise TimedOut(
                f"no coordinator of federation {federation} is known there; is that its name (--federation), and does "
                "`mfpt-coord serve` run?"
            )
        if heard.is_online:
            whose = heard.listener.trust.key
            return ok(f"online with version {heard.said.version}, its key is {fingerprint(whose) if whose else '-'}")
        return self._gone(heard.state)

    def _gone(self, state: CoordinatorState | None) -> Answer:
        assert state is not None, "who has sent no beat has said something else"
        if state.finished:
            return warning(f"the federation has ended with version {state.version}", "join takes that prompt home")
        since = as_people_read_it(state.at, self._wall())
        said = "has said that it is online, and has been silent" if state.state == "online" else "has been offline"
        raise TimedOut(
            f"the coordinator {said} since {since}; what this device has learned is kept, and it goes on when "
            "`mfpt-coord serve` runs there again"
        )

    async def versions(self) -> Answer:
        """Compare the versions of both sides."""
        state, own = self.heard.state, f"mfpt {__version__} and protocol {PROTOCOL}"
        if self.heard.older is not None:
            raise self.heard.older
        if state is None:
            return skipped("the coordinator has not said what it runs")
        theirs = printable(state.mfpt)
        if not theirs:
            return warning(
                f"{own} here; the coordinator runs an older mfpt, which does not say its version",
                "nothing, as long as all works; otherwise ask the operator to update it",
            )
        if theirs != __version__ or state.protocol != PROTOCOL:
            return warning(
                f"{own} here, mfpt {theirs} and protocol {state.protocol} at the coordinator",
                "nothing, as long as all works; otherwise update the older one of the two",
            )
        return ok(f"{own} on both sides")

    async def close(self) -> None:
        """Disconnect; the broker forgets that this side was there."""
        with contextlib.suppress(OSError):
            await self._transport.close()

    async def _listen(self) -> None:
        heard, federation = self.heard, self.heard.listener.federation
        if heard.probe:
            self._transport.subscribe(heard.probe, qos=1)
        for topic in (PLAN, COORDINATOR_STATE, COORDINATOR_BEAT):
            self._transport.subscribe(topic.path(federation), qos=topic.qos)
        if await self._has_all_within(self._patience / 4):
            return
        # Once more: what is published at the same moment may not have come.
        self._send_probe()
        for topic in (PLAN, COORDINATOR_STATE):
            self._transport.subscribe(topic.path(federation), qos=topic.qos)
        await self._has_all_within(self._patience * 3 / 4)

    async def _has_all_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not self.heard.everything:
                    for event in await self._transport.receive():
                        self.heard.take(event, self._wall())
                    if self.heard.anything:
                        self._send_probe()
        except TimeoutError:
            return False
        return True

    def _send_probe(self) -> None:
        """Send the message of one's own, once; by now its subscription has been answered, and maybe refused."""
        if not self.heard.probe or self._has_sent or self.heard.probe_refused:
            return
        self._has_sent = True
        self._transport.publish(self.heard.probe, PROBE)
