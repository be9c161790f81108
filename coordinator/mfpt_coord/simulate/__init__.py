"""The coordinator's core under a virtual clock, with real trainers and no sockets: for experiments."""
