"""How a device has done at a version: what it has measured, and what the coordinator says."""

from pathlib import Path

import pytest

from mfpt_edge.session.course import CourseKeeper
from mfpt_edge.storage.curve import CurvePoint, read_course
from mfpt_shared.device.own_share import SHARES, Trials
from mfpt_shared.device.rounds import Personal
from mfpt_shared.device.trainer import Measured
from mfpt_shared.protocol.messages import LanguageRelations

UNSEEN = Measured(0.0, 0.0, 0)


def test_a_version_has_the_accuracy_with_nothing_of_its_own_with_nothing_else_and_with_what_was_chosen(
    tmp_path: Path,
) -> None:
    keeper = CourseKeeper(tmp_path, lambda: 7.0)
    trials = Trials(SHARES, [1.0] * len(SHARES), 10, [place / 10 for place in range(len(SHARES))])
    keeper.uses(Personal(3, {}, SHARES[2], Measured(0.25, 1.0, 10), trials=trials))

    (point,) = keeper.course.curve
    assert point == CurvePoint(at=7.0, version=3, federated=0.25, alone=0.7, used=0.2, share=SHARES[2])


def test_where_everything_was_trained_on_nothing_is_measured(tmp_path: Path) -> None:
    keeper = CourseKeeper(tmp_path, lambda: 7.0)
    keeper.uses(Personal(3, {}, 0.5, UNSEEN))

    assert keeper.course.curve == (CurvePoint(at=7.0, version=3, share=0.5),)


def test_a_later_run_goes_on_with_the_curve(tmp_path: Path) -> None:
    CourseKeeper(tmp_path, lambda: 7.0).uses(Personal(3, {}, 0.5, UNSEEN))
    later = CourseKeeper(tmp_path, lambda: 8.0)
    later.told(LanguageRelations(language="swh", version=4, helped_by={"zul": 1.0}, accuracy=0.5))

    assert [point.version for point in later.course.curve] == [3, 4]
    assert read_course(tmp_path) == later.course


@pytest.mark.parametrize("accuracy", [None, 0.5])
def test_the_languages_that_help_are_those_of_the_newest_step(accuracy: float | None, tmp_path: Path) -> None:
    keeper = CourseKeeper(tmp_path, lambda: 7.0)
    for version, helped_by in ((1, {"zul": 1.0}), (2, {"xho": 0.5})):
        keeper.told(LanguageRelations(language="swh", version=version, helped_by=helped_by, accuracy=accuracy))

    assert keeper.course.helped_by == {"xho": 0.5}
    assert len(keeper.course.curve) == (0 if accuracy is None else 2)


def test_a_full_disk_forgets_no_more_than_the_next_run_would_have_known(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"in the way")
    keeper = CourseKeeper(tmp_path / "folder", lambda: 7.0)
    keeper.uses(Personal(3, {}, 0.5, UNSEEN))

    assert len(keeper.course.curve) == 1
