import json

import pytest

from mmsteal.input_files import parse_json
from mmsteal.label_formats import LabelError
from mmsteal.label_formats.json_layout import dump_json, load_json


@pytest.mark.parametrize('opening', [b'[', b'{"a":'])
def test_deep_json(tmp_path, opening):
    (tmp_path / 'a.json').write_bytes(opening * 200_000)
    with pytest.raises(LabelError, match=r'a\.json: cannot read.*nested too deeply'):
        load_json(tmp_path / 'a.json')


@pytest.mark.parametrize('content', [b'', b'{', b'\xff\xfe', b'1' * 5000, b'[1,]'])
def test_what_is_no_json(content):
    with pytest.raises(ValueError, match=r'.'):
        parse_json(content)


def test_what_can_be_read_and_not_written():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(LabelError, match='nested too deeply to be written'):
        dump_json(value)


def test_json_is_that_of_the_standard_library():
    value = {'a': [1, 2.5, None, 'ä'], 'b': {}}
    assert parse_json(json.dumps(value).encode()) == value
