"""Every language of public data sets as they are: what is read, skipped and found, and what one round makes of it."""
