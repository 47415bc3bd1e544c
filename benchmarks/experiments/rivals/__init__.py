"""Photographs, coarse labels and rival methods for the comparison of refinements."""
