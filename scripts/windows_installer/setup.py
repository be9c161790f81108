"""Packs a folder into an installer, with NSIS."""

import subprocess
from pathlib import Path


def pack(script: Path, tree: Path, made: Path, *, version: str, title: str) -> None:
    """Run makensis.

    Args:
        script: What the installer does.
        tree: Folder with what is installed.
        made: Installer to write.
        version: Version of the product.
        title: Name that people read.
    """
    kilobytes = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    defined = {"TREE": tree, "OUT": made, "VERSION": version, "TITLE": title, "KILOBYTES": kilobytes}
    command = ["makensis", "-V2", *(f"-D{name}={value}" for name, value in defined.items()), str(script)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
