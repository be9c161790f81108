"""File formats and numeric conventions of backbones. Needs no torch."""
