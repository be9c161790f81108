"""Whether the machine runs on battery."""

import sys
from pathlib import Path
from typing import Final

_SUPPLIES: Final = Path("/sys/class/power_supply")


def on_battery(supplies: Path = _SUPPLIES) -> bool:
    """Tell whether the machine draws from a battery and no supply is plugged in.

    Args:
        supplies: Folder with a folder for each power supply, on Linux. Without it, nothing counts as a battery.
            Source: Linux kernel documentation, Documentation/ABI/testing/sysfs-class-power.
    """
    if sys.platform != "linux":
        return _says_psutil()
    found = list(supplies.iterdir()) if supplies.is_dir() else []
    plugged_in = any(_read(supply, "online") == "1" for supply in found if _read(supply, "type") != "Battery")
    # A mouse or a headset has a battery of its own.
    ours = [supply for supply in found if _read(supply, "type") == "Battery" and _read(supply, "scope") != "Device"]
    return not plugged_in and any(_read(supply, "status") == "Discharging" for supply in ours)


def _read(supply: Path, name: str) -> str:
    try:
        return (supply / name).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _says_psutil() -> bool:
    import psutil  # noqa: PLC0415 - Linux does without

    battery = psutil.sensors_battery()
    return battery is not None and battery.power_plugged is False  # None: it is not known
