"""What a device keeps on disk, and how it is written so that a crash never leaves half of it."""
