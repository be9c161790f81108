"""`mfpt-coord serve`: broker, store and coordinator put together."""
