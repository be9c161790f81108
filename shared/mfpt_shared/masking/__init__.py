"""Sums that hide what goes into them: masks, key shares, and noise."""
