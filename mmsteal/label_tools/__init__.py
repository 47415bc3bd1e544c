"""Refinement inside of label tools, while a person labels."""

from mmsteal.label_tools.http_backend import BackendServer
from mmsteal.label_tools.label_studio import LabelStudioRefiner

__all__ = ['BackendServer', 'LabelStudioRefiner']
