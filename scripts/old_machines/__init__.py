"""Devices on machines that are made small or old: what still works there."""
