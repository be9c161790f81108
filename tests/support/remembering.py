"""A device's folder that remembers which updates the coordinator has answered."""

from pathlib import Path

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.outbox import Outbox


class RememberingOutbox(Outbox):
    """An outbox that notes what it forgets."""

    def __init__(self, folder: Path, forgotten: set[int]) -> None:
        super().__init__(folder)
        self._forgotten = forgotten

    def forget(self, sequence: int) -> None:
        self._forgotten.add(sequence)
        super().forget(sequence)


class RememberingFolder(DeviceFolder):
    """A device's folder.

    Attributes:
        forgotten: Numbers of the updates that were accepted or refused.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.forgotten: set[int] = set()

    def outbox(self) -> Outbox:
        return RememberingOutbox(self.path / "outbox", self.forgotten)
