"""Other people's tools read what the label formats write, and the other way round."""
