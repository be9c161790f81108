"""The edge client: tunes a soft prompt and a head on one device's own text."""

from mfpt_shared import telemetry

# Here, since no module of the package can be imported before: whoever uses one as a library is covered as well.
telemetry.switch_off()
