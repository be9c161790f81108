"""Labelled examples: read from files or CLDR, checked, and split. Needs no torch."""
