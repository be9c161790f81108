"""A broker that is not to be had at first."""

from mfpt_shared.errors import MfptError
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport


class Reluctant(MemoryTransport):
    """A transport whose first attempts fail with these errors."""

    def __init__(self, *errors: MfptError) -> None:
        super().__init__(MemoryBroker())
        self._errors = list(errors)

    async def connect(self) -> None:
        if self._errors:
            raise self._errors.pop(0)
        await super().connect()
