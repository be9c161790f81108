"""Keeps what people are shown of the way that a device and its language have come."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from mfpt_edge.storage.curve import Course, CurvePoint, read_course, save_course, with_point
from mfpt_shared.device.rounds import Personal
from mfpt_shared.protocol.messages import LanguageRelations


class CourseKeeper:
    """Adds to the curve of a device what becomes known.

    Attributes:
        course: What is known.
    """

    def __init__(self, folder: Path, wall: Callable[[], float]) -> None:
        """Go on with what an earlier run has known.

        Args:
            folder: State folder of the device.
            wall: Unix seconds, by the clock that people see.
        """
        self._folder = folder
        self._wall = wall
        self.course = read_course(folder)

    def uses(self, personal: Personal) -> None:
        """Note what the device uses of a version, and how that has done."""
        measured, trials = personal.measured, personal.trials
        point = CurvePoint(
            at=self._wall(),
            version=personal.version,
            federated=measured.accuracy if measured.examples else None,
            alone=None if trials is None else trials.accuracy(1.0),
            used=None if trials is None else trials.accuracy(personal.share),
            share=personal.share if personal.chosen else None,
        )
        self._keep(msgspec.structs.replace(self.course, curve=with_point(self.course.curve, point)))

    def told(self, relations: LanguageRelations) -> None:
        """Note what the coordinator says of the device's language."""
        point = CurvePoint(at=self._wall(), version=relations.version, language=relations.accuracy)
        curve = self.course.curve if relations.accuracy is None else with_point(self.course.curve, point)
        self._keep(Course(curve=curve, helped_by=dict(relations.helped_by)))

    def _keep(self, course: Course) -> None:
        """Remember it, if the disk has room: one that is full has other things to keep."""
        if course == self.course:
            return
        self.course = course
        with contextlib.suppress(OSError):
            save_course(self._folder, course)
