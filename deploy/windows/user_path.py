"""Puts a folder on the user's PATH, or takes it off. Runs on Windows: `python user_path.py add|remove FOLDER`.

NSIS cuts texts at 1024 characters, and a PATH may be longer: it would be destroyed.
"""

import sys


def added(path: str, folder: str) -> str:
    """Return a PATH with a folder at its end, unless it is there already."""
    if any(_same(part, folder) for part in path.split(";")):
        return path
    return f"{path.rstrip(';')};{folder}" if path.strip(";") else folder


def removed(path: str, folder: str) -> str:
    """Return a PATH without a folder; everything else stays as it is."""
    return ";".join(part for part in path.split(";") if not _same(part, folder))


def _same(part: str, folder: str) -> bool:
    return part.strip().strip('"').rstrip("\\").lower() == folder.rstrip("\\").lower()


def main(order: str, folder: str) -> None:
    """Change the PATH of the user in the registry; programs that start later see it."""
    import winreg  # noqa: PLC0415 - only Windows has it

    with winreg.CreateKeyEx(winreg.HKEY_CURRENT_USER, "Environment", 0, winreg.KEY_READ | winreg.KEY_WRITE) as key:
        try:
            before, kind = winreg.QueryValueEx(key, "Path")
        except FileNotFoundError:
            before, kind = "", winreg.REG_EXPAND_SZ
        after = {"add": added, "remove": removed}[order](before, folder)
        if before and not after:
            winreg.DeleteValue(key, "Path")
        elif after != before:
            winreg.SetValueEx(key, "Path", 0, kind, after)


if __name__ == "__main__":
    main(*sys.argv[1:])
