"""The command line `mfpt-edge`."""
