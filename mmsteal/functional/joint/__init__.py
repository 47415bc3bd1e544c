"""All pixels near coarse outlines labelled at once."""
