"""The command line `mfpt-coord`."""
