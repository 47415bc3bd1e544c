"""What goes wrong in a way that the person at the page can fix."""

from __future__ import annotations


class AnnotatorError(ValueError):
    """A message for the page: what is wrong, and what to do. Nothing has changed."""
