"""A device's part in a federation: the connection, the event loop, and the worker thread. Needs no torch."""
