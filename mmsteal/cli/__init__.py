"""What the command line needs; `tools/` calls it."""
