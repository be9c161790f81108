"""The coordinator's epoch, which a member remembers through restarts, so that no earlier one is believed again."""

from functools import partial

from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.storage.device_folder import DeviceFolder


class KnownEpoch:
    """Keeps the highest epoch that was seen; in an open federation coordinators may be others, and none is kept."""

    def __init__(self, folder: DeviceFolder, disk: PatientDisk, freshness: Freshness, *, is_member: bool) -> None:
        """Begin with what is kept.

        Args:
            folder: State folder of the device.
            disk: What writes to it.
            freshness: What the device has seen; at first what is kept.
            is_member: Whether one coordinator alone is believed.
        """
        self._folder = folder
        self._disk = disk
        self._freshness = freshness
        self._is_member = is_member
        self._kept = freshness.epoch

    def keep(self) -> None:
        """Keep the epoch that was seen, if it is a new one."""
        if self._is_member and self._freshness.epoch > self._kept:
            self._kept = self._freshness.epoch
            self._disk.write("the coordinator's epoch", partial(self._folder.save_epoch, self._kept))
