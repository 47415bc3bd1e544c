"""Boundaries matched, counted and scored."""
