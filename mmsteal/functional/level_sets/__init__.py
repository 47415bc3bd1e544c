"""Outlines that move: the evolution of level sets and what drives it."""
