"""What `mmsteal demo` and `make demo` show."""

from mmsteal import mm_stack  # noqa: F401 (first: quiet and repaired, or an error that helps)
from mmsteal.demo.run_demo import DemoOptions, run_demo

__all__ = ['DemoOptions', 'run_demo']
