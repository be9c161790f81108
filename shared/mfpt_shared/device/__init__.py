"""A device's part of a round, whatever it trains with."""
