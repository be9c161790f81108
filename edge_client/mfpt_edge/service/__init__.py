"""A device that starts by itself: descriptions for systemd, launchd and the Task Scheduler, and their installation."""
