"""Which machines can have PyTorch, and what those that cannot are told."""

import pytest

from mfpt_shared.system.builds import Machine, lacks_torch, this_machine


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (Machine("win32", "amd64", 32, ""), "64"),
        (Machine("darwin", "x86_64", 64, "14.2"), "Intel"),
        (Machine("darwin", "arm64", 64, "13.6.1"), "macOS 14 or newer, and this is 13.6.1"),
    ],
    ids=["32 bits", "Intel Mac", "old macOS"],
)
def test_a_machine_without_a_build_is_told_why(machine: Machine, reason: str) -> None:
    assert reason in lacks_torch(machine)


@pytest.mark.parametrize(
    "machine",
    [
        Machine("win32", "amd64", 64, ""),
        Machine("linux", "aarch64", 64, ""),
        Machine("darwin", "arm64", 64, "15.0"),
    ],
    ids=["Windows", "Linux on ARM", "Mac"],
)
def test_others_have_one(machine: Machine) -> None:
    assert lacks_torch(machine) == ""


def test_the_machine_of_the_tests_has_a_build() -> None:
    assert lacks_torch(this_machine()) == ""
