"""The machine that the device runs on: cores, memory, battery, and installed libraries."""
