"""Distances between languages, from URIEL+ or a file."""
