"""JSON that is written in the layout of the JSON that was read."""

import json

import pytest

from mmsteal.label_formats.json_layout import dump_json


@pytest.mark.parametrize(
    'raw',
    [
        b'{"a": 1, "b": [1, 2]}',
        b'{"a":1,"b":[1,2]}',
        b'{\n  "a": 1,\n  "b": 2\n}\n',
        b'{\n\t"a": [\n\t\t1\n\t],\n\t"b": 3\n}\n',
        b'{\r\n    "a": 1\r\n}\r\n',
        b'[\n{\n"a": 1\n}\n]',
        b'\xef\xbb\xbf{\n  "a": "e"\n}\n',
        '{"a": "\u00e9"}'.encode(),
        b'{"a": "\\u00e9"}',
        '\ufeff{"a": "\u00e9"}'.encode(),
    ],
)
def test_layout_is_kept(raw):
    assert dump_json(json.loads(raw), raw) == raw
