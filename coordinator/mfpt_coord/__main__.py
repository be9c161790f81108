"""`python -m mfpt_coord` is `mfpt-coord`."""

from mfpt_coord.cli import main

main()
