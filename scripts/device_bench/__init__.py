"""How much memory the processes of a device hold."""
