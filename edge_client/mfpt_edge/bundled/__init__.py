"""The data file of the bundled backbone: where it lies, and how it comes to systems that its package does not serve."""
