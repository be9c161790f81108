"""Which machines the libraries that train have builds for."""

import platform
import struct
import sys
from typing import Final, NamedTuple

_MACOS: Final = 14
"""Oldest macOS that NumPy, PyTorch and ONNX Runtime are built for."""


class Machine(NamedTuple):
    """What decides on which builds a machine can have.

    Attributes:
        system: Name of the system, as `sys.platform` has it.
        processor: Kind of processor, as `uname -m` names it, in lower case.
        bits: Bits of an address in this Python.
        macos: Version of macOS; empty on other systems.
    """

    system: str
    processor: str
    bits: int
    macos: str


def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    return Machine(sys.platform, platform.machine().lower(), 8 * struct.calcsize("P"), platform.mac_ver()[0])


def is_x86(machine: Machine) -> bool:
    """Tell whether a machine has a processor by Intel or AMD."""
    return machine.processor in ("x86_64", "amd64", "i386", "i686", "x86")


def lacks_torch(machine: Machine) -> str:
    """Return why there is no build of PyTorch for a machine; empty where there is one."""
    if machine.bits < 64:
        return "this Python is one for 32 bits, and PyTorch needs one for 64"
    if machine.system == "darwin" and is_x86(machine):
        return "PyTorch is no longer built for Macs with a processor by Intel"
    if machine.macos and int(machine.macos.split(".")[0]) < _MACOS:
        return f"PyTorch needs macOS {_MACOS} or newer, and this is {machine.macos}"
    return ""
