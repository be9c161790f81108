"""What the coordinator and the edge client must agree on: the plan, the protocol and its bytes."""

__version__ = "0.1.0"
