"""A day in the life of a federation, in minutes: whether anything grows that should not."""
