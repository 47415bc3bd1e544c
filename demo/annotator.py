"""A page to annotate on: python demo/annotator.py [--config CONFIG --checkpoint CHECKPOINT].

The same as `mmsteal annotate`, with the demo of this checkout.
"""

import sys
from pathlib import Path

from mmsteal.cli.annotate import main

if __name__ == '__main__':
    main(['--root', str(Path(__file__).resolve().parent.parent), *sys.argv[1:]])
