"""Which of the coordinator's messages are new: what a broker replays changes nothing.

Everything that the coordinator says carries its epoch, which rises with every start, and the newest version. A device
keeps the highest pair that it has seen. An assignment or a stop names the announcement that it answers, and
assignments for the same announcement are numbered. No clock is looked at: old laptops have dead batteries.
"""

from dataclasses import dataclass

from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.messages import Assign, FromCoordinator, Prompt, Stop


class Replayed(DecodeError):
    """A message of the coordinator that is not new."""


class Overtaken(Replayed):
    """An order that came twice, or that a newer announcement has overtaken; this happens at honest brokers as well."""


@dataclass(slots=True)
class Freshness:
    """What this device has seen of its coordinator, and said itself.

    Attributes:
        epoch: Highest epoch that was seen; 0 before the first.
        version: Version of the newest prompt that was seen in that epoch.
        session: Number of this run of the device.
        ready: Number of its last announcement in this session; 0 before the first.
        turn: Number of the last assignment that answered it.
    """

    epoch: int = 0
    version: int = 0
    session: int = 0
    ready: int = 0
    turn: int = 0

    def announced(self, number: int) -> None:
        """Note that the device has announced itself: from now on only answers to this announcement count."""
        self.ready, self.turn = number, 0

    def check(self, message: FromCoordinator | Prompt) -> None:
        """Take a message that is new; from now on it is the newest that was seen.

        Raises:
            Replayed: It is not new.
        """
        if problem := self._problem(message):
            raise Replayed(f"nothing new: {problem}")
        if isinstance(message, Assign | Stop) and (problem := self._answers_nothing(message)):
            raise Overtaken(f"nothing new: {problem}")
        said = message.header if isinstance(message, Prompt) else message
        if said.epoch > self.epoch:
            self.epoch, self.version = said.epoch, 0
        if isinstance(message, Prompt):
            self.version = said.version
        if isinstance(message, Assign):
            self.turn = message.turn

    def _problem(self, message: FromCoordinator | Prompt) -> str | None:
        said = message.header if isinstance(message, Prompt) else message
        if said.epoch < self.epoch:
            return f"it is of epoch {said.epoch}, and epoch {self.epoch} has begun"
        if isinstance(message, Prompt) and said.epoch == self.epoch and said.version < self.version:
            return f"it is version {said.version}, and version {self.version} has come"
        return None

    def _says_over(self, message: Stop) -> bool:
        """Tell whether a stop says that this run is over; it may answer a state, which has no number to name."""
        return message.session == self.session and message.newest > self.session

    def _answers_nothing(self, message: Assign | Stop) -> str | None:
        if isinstance(message, Stop) and (message.reason == "revoked" or self._says_over(message)):
            return None
        if (message.session, message.ready) != (self.session, self.ready):
            return "it answers an earlier announcement of this device"
        if isinstance(message, Assign) and message.turn <= self.turn:
            return "it came before"
        return None
