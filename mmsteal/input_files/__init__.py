"""Files of others, read within limits: whatever is in one, it costs no more than itself.

Each function raises :class:`ValueError` or :class:`OSError` for a file that cannot be read, and
nothing else; a message says what is wrong, and the caller names the file.
"""

from mmsteal.input_files.arrays import read_array
from mmsteal.input_files.images import load_image, open_image, read_bgr
from mmsteal.input_files.json_text import parse_json
from mmsteal.input_files.limits import max_bytes, max_pixels
from mmsteal.input_files.mat_files import read_mat_file

__all__ = [
    'load_image',
    'max_bytes',
    'max_pixels',
    'open_image',
    'parse_json',
    'read_array',
    'read_bgr',
    'read_mat_file',
]
