"""The edge client: tunes a soft prompt and a head on one device's own text."""
