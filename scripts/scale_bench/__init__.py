"""What events cost a coordinator, by how many devices it knows and how many languages they speak."""
