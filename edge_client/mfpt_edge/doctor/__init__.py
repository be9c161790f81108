"""What keeps a device from taking part: one check after the other, a line for each, and nothing is changed."""
