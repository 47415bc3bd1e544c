"""Labels moved to predicted edges: by level sets, and pixel by pixel."""
