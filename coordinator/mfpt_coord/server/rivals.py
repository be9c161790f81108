"""Other coordinators under the same federation name on the same broker: they are answered, noticed, and put up with.

None of them ends this one, except for a later run with its own key: whatever they publish over its messages is
published again, but not so often that two coordinators could keep a broker busy.
"""

import logging
import math
from typing import Final

from mfpt_coord.server.channel import Channel, CoordinatorIdentity
from mfpt_coord.server.kept import Fate
from mfpt_coord.server.quotas import Bucket
from mfpt_shared.errors import DecodeError, Incompatible
from mfpt_shared.keys import PublicKey, fingerprint
from mfpt_shared.protocol.codec import Received, understand
from mfpt_shared.protocol.messages import Challenge, CoordinatorState
from mfpt_shared.protocol.topics import COORDINATOR_CHALLENGE, COORDINATOR_STATE, parse
from mfpt_shared.refusals import Refusals
from mfpt_shared.transport.base import Inbound

REPAIR_SECONDS: Final = 30.0
"""Time between two repairs, at least."""
CUT_SECONDS: Final = 5.0
"""Duration of a connection under which its end is no accident."""
MANY_CUTS: Final = 5
MAX_TOLD: Final = 100
# A coordinator that starts asks twice; one that runs says how it stands once for each version.
BURST: Final = 100.0
PER_SECOND: Final = 10.0
_NEWS: Final = (COORDINATOR_CHALLENGE, COORDINATOR_STATE)

_log = logging.getLogger(__name__)


class Rivals:
    """What this coordinator makes of messages on the topics of the coordinator.

    Attributes:
        repair_at: When its own messages are to be published again; infinite: they are in their places.
    """

    def __init__(self, channel: Channel, federation: str, identity: CoordinatorIdentity, refusals: Refusals) -> None:
        """Prepare.

        Args:
            channel: What this coordinator sends by, and what has been published.
            federation: Name of the federation.
            identity: This coordinator.
            refusals: Where messages that changed nothing are counted.
        """
        self._channel = channel
        self._federation = federation
        self._identity = identity
        self._refusals = refusals
        self._bucket = Bucket(BURST, PER_SECOND, BURST, -math.inf)
        self._told: set[PublicKey | None] = set()
        self._repaired = -math.inf
        self._is_repair = False
        self._connected = -math.inf
        self._cuts = 0
        self.repair_at = math.inf

    def connected(self, at: float) -> None:
        """Note that the broker is connected: it may have lost everything, unless the connection comes and goes."""
        self._connected = at
        if self._cuts < MANY_CUTS:
            self.repair_at, self._is_repair = at, False
        else:
            self._repair_soon(at)

    def lost(self, at: float) -> None:
        """Note that the connection is lost."""
        self._cuts = self._cuts + 1 if at < self._connected + CUT_SECONDS else 0
        self._connected = -math.inf
        if self._cuts == MANY_CUTS:
            _log.error(
                "the broker has ended the connection %d times in a row, each time at once: does another coordinator "
                "log in as the same user? Stop one of the two, or give each a user of its own",
                self._cuts,
            )

    def _repair_soon(self, at: float) -> None:
        self.repair_at = min(self.repair_at, max(at, self._repaired + REPAIR_SECONDS))
        self._is_repair = True

    def hears(self, path: str) -> bool:
        """Tell whether only coordinators publish on a full topic."""
        try:
            return parse(path, self._federation).topic.sender == "coordinator"
        except DecodeError:
            return False

    def hear(self, inbound: Inbound, version: int, at: float) -> None:
        """Take notice of a message on a topic on which coordinators publish.

        Args:
            inbound: Message from the broker.
            version: Newest version of the prompts.
            at: Time, seconds.

        Raises:
            Incompatible: A later run of this coordinator is at work: this one must end.
        """
        fate = self._channel.kept.fate(inbound.topic, inbound.payload)
        if fate == "replacing":
            self._repair_soon(at)
        is_news = fate == "replacing" or parse(inbound.topic, self._federation).topic in _NEWS
        if fate == "own" or not is_news or not self._bucket.take(at):
            return
        received = self._read(inbound, at)
        if fate == "replacing":
            self._tell(inbound.topic, received)
        if received is not None:
            self._take(received, fate, version, at)

    def _take(self, received: Received, fate: Fate, version: int, at: float) -> None:
        is_own = received.signer == self._identity.key.public
        match received.message:
            case Challenge(nonce=nonce) if not is_own:
                self._channel.answer_challenge(nonce, version)
            case CoordinatorState(epoch=epoch) if is_own:
                self._check_epoch(epoch)
            case CoordinatorState() if fate == "older":
                detail = f"signed by {fingerprint(received.signer)}, who is not the coordinator"
                self._refusals.note("forged", received.address.topic.path(self._federation), detail, at)

    def repair_is_due(self, now: float) -> bool:
        """Tell, once, whether it is time to publish this coordinator's messages again."""
        if now < self.repair_at:
            return False
        self.repair_at = math.inf
        if self._is_repair:
            self._repaired = now
        return True

    def _read(self, inbound: Inbound, at: float) -> Received | None:
        """Return what a message says; None for one that was removed, or cannot be understood."""
        try:
            return understand(inbound.topic, inbound.payload, self._federation)
        except DecodeError as error:
            self._refusals.note("damaged", inbound.topic, str(error), at)
            return None

    def _tell(self, topic: str, received: Received | None) -> None:
        """Tell the operator, once for each key, that something has taken the place of an own message."""
        if received is None:
            if self._is_new(None):
                _log.warning(
                    "somebody has removed or overwritten what the broker keeps on %s; it is published again. Let no "
                    "other user of the broker publish there",
                    topic[:200],
                )
            return
        if received.signer == self._identity.key.public:
            return  # its own last will or an earlier run's message, or a replay of one
        self._refusals.counts["forged"] += 1
        message, known_as = received.message, ""
        if isinstance(message, CoordinatorState):
            if message.state == "offline":
                return  # the last will of one that was cut off before this one started
            known_as = f"{message.coordinator}, "
        if self._is_new(received.signer):
            _log.warning(
                "another coordinator (%skey %s) serves federation %s on this broker as well, and publishes over this "
                "one's messages; they are published again. Stop one of the two, or give it another federation name",
                known_as,
                fingerprint(received.signer),
                self._federation,
            )

    def _is_new(self, key: PublicKey | None) -> bool:
        """Tell whether the operator has not heard of a key yet; None stands for those who sign nothing."""
        if key in self._told or len(self._told) >= MAX_TOLD:
            return False
        self._told.add(key)
        return True

    def _check_epoch(self, epoch: int) -> None:
        """Look at what a run of this coordinator said about itself."""
        if epoch > self._identity.epoch:
            raise Incompatible(
                f"a later run of this coordinator is at work (epoch {epoch}, this one has {self._identity.epoch}): its "
                "data folder was copied or restored while it ran; stop one of them"
            )
