"""Federations of stub devices: the product's own coordinator and devices, which do everything but train."""
