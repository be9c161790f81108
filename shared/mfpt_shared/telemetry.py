"""Keeps libraries from telling their makers that they are used. Nothing of mfpt itself does such a thing."""

import os
from typing import Final

# Read by each library when it is imported, and inherited by child processes.
VARIABLES: Final = {
    # onnxruntime, from 1.29 on: a database under ~/.cache/Microsoft, which is sent to mobile.events.data.microsoft.com.
    "ORT_DISABLE_TELEMETRY": "1",
    # huggingface_hub and transformers: what they are used for and on, and a random session, with each download.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # datasets: which of them were loaded.
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    # Whoever else asks: https://consoledonottrack.com
    "DO_NOT_TRACK": "1",
}


def switch_off() -> None:
    """Set what the libraries look at, before the first of them is imported."""
    os.environ.update(VARIABLES)
