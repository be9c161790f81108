"""The coordinator's pure core: events in, effects out; no clock, socket, disk or broker."""
