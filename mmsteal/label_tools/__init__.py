"""Refinement inside of label tools, while a person labels."""

from mmsteal.label_tools.backend_app import BackendApp
from mmsteal.label_tools.backend_server import BackendServer
from mmsteal.label_tools.label_studio import LabelStudioRefiner
from mmsteal.label_tools.task_images import TaskImages

__all__ = ['BackendApp', 'BackendServer', 'LabelStudioRefiner', 'TaskImages']
