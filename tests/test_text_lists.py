"""Lists that people write by hand, as editors on all systems save them."""

import codecs

import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats import open_label_format
from mmsteal.text_lists import read_lines, read_names

TEXT = ' city one \r\n\r\nb.jpg\tx\nµ\n'
SAVED = {
    'utf-8': TEXT.encode(),
    'byte order mark': codecs.BOM_UTF8 + TEXT.encode(),
    'utf-16': codecs.BOM_UTF16_LE + TEXT.encode('utf-16-le'),
    'utf-16, big end first': codecs.BOM_UTF16_BE + TEXT.encode('utf-16-be'),
}


@pytest.mark.parametrize('content', SAVED.values(), ids=SAVED.keys())
def test_lines(tmp_path, content):
    path = tmp_path / 'list.txt'
    path.write_bytes(content)
    assert read_lines(path) == ['city one', 'b.jpg\tx', 'µ'] == read_lines('x', content)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('gr\xfcn'.encode('latin-1'), r'list\.txt: expected text in UTF-8, but byte 2'),
        ('a\n'.encode('utf-16-le'), r'list\.txt: .*zero bytes'),
        (codecs.BOM_UTF16_LE + b'a', r'list\.txt: .*UTF-8'),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    path = tmp_path / 'list.txt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_lines(path)
    with pytest.raises(FileNotFoundError, match=r'none\.txt'):
        read_lines(tmp_path / 'none.txt')


@pytest.mark.parametrize(
    ('line', 'name'),
    [
        ('a b', 'a b'),  # the whole line first
        ('a b.JPG', 'a b'),
        ('c.jpg', 'c.jpg'),  # a name may look like it has an ending
        ('d.jpg', 'd'),
        ('d 1', 'd'),
        ('d.jpg labels/d.png', 'd'),
        ('new 1.jpg', 'new 1'),
    ],
)
def test_names(line, name):
    known = {'a b', 'c.jpg', 'd'}.__contains__
    content = f'{line}\n'.encode()
    assert read_names('x', known, suffixes=['.jpg', '.png'], content=content) == [name]


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_lists_of_voc_and_sbd(tmp_path, encoding):
    image = Image.fromarray(np.zeros((4, 6), np.uint8))
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation', 'img', 'cls'):
        (tmp_path / folder).mkdir(parents=True)
    for name in ('a b', 'c', 'd'):
        for folder in ('JPEGImages', 'SegmentationClass', 'img'):
            image.save(tmp_path / folder / f'{name}.png')
        (tmp_path / f'cls/{name}.mat').touch()
    for path in ('ImageSets/Segmentation/train.txt', 'train.txt'):
        (tmp_path / path).write_text('a b\r\nc.jpg\r\n', encoding=encoding)
    for name in ('voc', 'sbd'):
        labels = open_label_format(name, tmp_path, split='train')
        assert [item.name for item in labels.items()] == ['a b', 'c']
        assert labels.problems() == []
