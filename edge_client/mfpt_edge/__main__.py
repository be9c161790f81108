"""`python -m mfpt_edge` is `mfpt-edge`."""

from mfpt_edge.commands.app import main

main()
