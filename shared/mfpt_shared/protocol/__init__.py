"""What travels: messages, topics and bytes."""
