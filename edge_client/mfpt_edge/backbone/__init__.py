"""The frozen backbone: loaded in 4 bits, and run layer by layer."""
