"""The coordinator: schedules asynchronous rounds and aggregates prompt updates."""
