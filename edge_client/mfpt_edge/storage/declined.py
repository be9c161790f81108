"""Which of the federation's prompts a device has tried and left, because the one that it held does better there."""

from pathlib import Path
from typing import Final

from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder
from mfpt_shared.protocol.messages import PromptHeader

_FILE: Final = "declined"


def decline(folder: Path, header: PromptHeader) -> None:
    """Remember that a device does not want a prompt, until there is another one.

    Args:
        folder: State folder of the device.
        header: Header of the prompt.

    Raises:
        OSError: It cannot be written.
    """
    write_durably(private_folder(folder) / _FILE, _named(header))


def is_declined(folder: Path, header: PromptHeader) -> bool:
    """Tell whether a prompt is the last one that a device has declined; arguments as for `decline`."""
    try:
        return (folder / _FILE).read_bytes() == _named(header)
    except FileNotFoundError:
        return False


def _named(header: PromptHeader) -> bytes:
    return f"{header.language} {header.epoch} {header.version}\n".encode()
