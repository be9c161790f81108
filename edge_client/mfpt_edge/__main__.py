"""`python -m mfpt_edge` is `mfpt-edge`."""

from mfpt_edge.cli import main

main()
