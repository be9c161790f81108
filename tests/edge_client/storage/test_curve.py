"""The curve of a device: a point for each version, kept through restarts, and never too long."""

import stat
from pathlib import Path

import pytest

from mfpt_edge.storage.curve import MOST_POINTS, Course, Curve, CurvePoint, read_course, save_course, with_point
from support.systems import has_modes


def curve(*versions: int) -> Curve:
    return tuple(CurvePoint(at=float(place), version=version) for place, version in enumerate(versions))


def versions(points: Curve) -> list[int]:
    return [point.version for point in points]


@has_modes
def test_what_is_remembered_is_there_after_a_restart_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    course = Course(curve=(CurvePoint(at=1.5, version=3, alone=0.5, share=0.25),), helped_by={"zul": 0.75})
    save_course(tmp_path, course)

    assert read_course(tmp_path) == course
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage", [b"", b"\xff", b'{"curve":[{"version":1}]}', b'{"helped_by":{"zul":2}}', b"[" * 9999]
)
def test_a_damaged_file_is_an_empty_curve(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "curve.json").write_bytes(damage)

    assert read_course(tmp_path) == Course()


def test_what_becomes_known_of_a_version_is_added_to_its_point() -> None:
    known = (CurvePoint(at=1.0, version=3, language=0.5), CurvePoint(at=2.0, version=4))

    (joined, last) = with_point(known, CurvePoint(at=9.0, version=3, federated=0.75, share=0.1))

    assert joined == CurvePoint(at=1.0, version=3, federated=0.75, share=0.1, language=0.5)
    assert last == known[1]


def test_the_versions_of_a_federation_that_began_anew_come_after_those_of_the_old_one() -> None:
    assert versions(with_point(curve(*range(40)), CurvePoint(at=99.0, version=1))) == [*range(40), 1]


def test_a_long_curve_loses_detail_in_its_older_half_and_keeps_its_ends() -> None:
    points = curve()
    for version in range(3 * MOST_POINTS):
        points = with_point(points, CurvePoint(at=float(version), version=version))

    assert len(points) <= MOST_POINTS
    assert versions(points)[0] == 0
    assert versions(points)[-50:] == list(range(3 * MOST_POINTS - 50, 3 * MOST_POINTS))
