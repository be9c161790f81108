"""Training in a process of its own, so that the one that listens stays small; see docs/decisions/0036."""
