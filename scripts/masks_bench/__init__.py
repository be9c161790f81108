"""What a fold costs under masks, beside one of updates that travel in the open."""
