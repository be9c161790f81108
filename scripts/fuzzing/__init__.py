"""Feeds damaged inputs to everything that reads bytes from a network or a file."""
