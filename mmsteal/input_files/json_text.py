"""JSON that anybody may have written."""

from __future__ import annotations

import json
from typing import Any


def parse_json(content: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: If it is no JSON, or nested too deeply.

    Example:
        >>> parse_json(b'[' * 100_000)
        Traceback (most recent call last):
        ValueError: it is nested too deeply
    """
    try:
        return json.loads(content)
    except RecursionError:
        # Without the thousand frames of the cause.
        raise ValueError('it is nested too deeply') from None
