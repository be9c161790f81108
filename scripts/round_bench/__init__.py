"""What a round costs beside training, and how many updates a second a coordinator accepts."""
