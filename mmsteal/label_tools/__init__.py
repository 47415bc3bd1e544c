"""Refinement inside of label tools, while a person labels."""

from mmsteal.label_tools.http_backend import BackendServer
from mmsteal.label_tools.label_studio import LabelStudioRefiner
from mmsteal.label_tools.task_images import TaskImages

__all__ = ['BackendServer', 'LabelStudioRefiner', 'TaskImages']
