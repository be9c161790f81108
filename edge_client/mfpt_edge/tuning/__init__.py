"""Tuning a prompt and a head around the frozen backbone."""
