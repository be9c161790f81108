"""Who may connect to the broker, and what each may publish and read there."""
