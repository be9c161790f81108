"""Tuning within a bound on memory, `mfpt-edge join --memory`."""
