"""Many devices on one embedded broker: whether all take part, and how fast they are back when the broker dies."""
