"""Attacks on a federation, and what becomes of them."""
