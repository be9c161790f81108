"""Locks on open files. They end with the process that holds them, however that ends."""

import errno
import sys

if sys.platform == "win32":
    import msvcrt

    import pywintypes
    import win32con
    import win32file
    import winerror
else:
    import fcntl


def lock(file: int, *, shared: bool = False) -> None:
    """Lock a file, and do not wait for it; the lock goes when the file is closed.

    Args:
        file: Descriptor of an open file; one that is only read will do.
        shared: Whether others may lock it in this way too, so that it only keeps away who wants it alone.

    Raises:
        BlockingIOError: Another process has locked it.
        OSError: Files cannot be locked there.
    """
    if sys.platform == "win32":
        # Of what is locked there, nobody else can read a byte: it is one that no file of ours has, behind 4 GiB.
        place = pywintypes.OVERLAPPED()
        place.OffsetHigh = 1
        kind = win32con.LOCKFILE_FAIL_IMMEDIATELY | (0 if shared else win32con.LOCKFILE_EXCLUSIVE_LOCK)
        try:
            win32file.LockFileEx(msvcrt.get_osfhandle(file), kind, 1, 0, place)
        except pywintypes.error as error:
            if error.winerror in (winerror.ERROR_LOCK_VIOLATION, winerror.ERROR_IO_PENDING):
                raise BlockingIOError(errno.EWOULDBLOCK, error.strerror) from error
            raise OSError(None, error.strerror, None, error.winerror) from error
    else:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
