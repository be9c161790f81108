"""The operator's page: `mfpt-coord serve --web`. It reads what the coordinator knows, and sends the shell's orders.

It runs in a thread with an event loop of its own, so that neither a slow browser nor a long list holds the coordinator
up. A state never changes, so that it can be read there while the coordinator works on the next one.
"""
