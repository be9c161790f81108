"""Numbers of bytes, as people read them."""


def readable(count: int) -> str:
    """Return a number of bytes with a decimal unit, such as `2.3 kB`."""
    return f"{count} B" if count < 1000 else f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
