"""Backbones by their address: where the weights are, and what a plan says about them."""

from mfpt_shared import telemetry

telemetry.switch_off()
