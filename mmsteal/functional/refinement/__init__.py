"""Coarse labels to fine ones."""
