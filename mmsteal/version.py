"""The version of mmsteal."""

__version__ = '0.1.0'
