"""Label maps and masks: their objects, their distances, their sizes, coarse ones."""
