"""What an edge detector learns by."""
