"""Backbones by their address: where the weights are, and what they are."""
