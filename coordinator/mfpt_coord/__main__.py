"""`python -m mfpt_coord` is `mfpt-coord`."""

from mfpt_coord.commands.app import main

main()
