"""What `mmsteal demo` and `make demo` show."""

from mmsteal.demo.run_demo import DemoOptions, run_demo

__all__ = ['DemoOptions', 'run_demo']
