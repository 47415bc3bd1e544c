"""The report: self-contained, escaped, whole."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mmsteal.visualization.report import Figure, Paragraph, Section, Table, write_report


class Page(HTMLParser):
    """Checks that tags are balanced; collects the text, the images and the attributes."""

    VOID = frozenset({'meta', 'img', 'br'})

    def __init__(self, path):
        super().__init__()
        self.open, self.seen, self.images, self.attributes, self.texts = [], [], [], [], []
        self.feed(path.read_text(encoding='utf-8'))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == 'img':
            self.images.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] != 'style':
            self.texts.append(data)


def decode(image):
    kind, data = re.fullmatch(r'data:image/(png|jpeg);base64,(.*)', image['src']).groups()
    return kind, Image.open(io.BytesIO(base64.b64decode(data)))


def encoded(image, kind):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format=kind)
    return buffer.getvalue()


def test_report_holds_everything_in_order(tmp_path, rng):
    image = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    jpeg = tmp_path / 'picture.jpg'
    jpeg.write_bytes(encoded(image, 'JPEG'))
    out_file = write_report(
        tmp_path / 'new' / 'report.html',
        title='Demo',
        summary='What this is',
        sections=[
            Section(
                'Scores',
                [
                    Paragraph('first line\nsecond line'),
                    Table(
                        ['class', 'MF', 'count'],
                        [['coin', 0.12345, 3], ['cat', None, np.int64(4)], ['mean', np.nan, 5]],
                        'Per class',
                        digits=2,
                    ),
                ],
            ),
            Section('Pictures', [Figure(image, 'array'), Figure(jpeg), Figure(jpeg.read_bytes())]),
        ],
    )
    assert out_file == tmp_path / 'new' / 'report.html'
    assert [file.name for file in out_file.parent.iterdir()] == ['report.html']
    page = Page(out_file)
    expected = ['Demo', 'Demo', 'What this is', 'Scores', 'first line\nsecond line', 'Per class']
    expected += ['class', 'MF', 'count', 'coin', '0.12', '3', 'cat', '-', '4', 'mean', '-', '5']
    expected += ['Pictures', 'array']
    assert page.texts == expected
    kind, shown = decode(page.images[0])
    assert kind == 'png'
    np.testing.assert_array_equal(np.asarray(shown), image)
    assert page.images[0]['alt'] == 'array'
    for picture in page.images[1:]:
        kind, shown = decode(picture)
        assert kind == 'jpeg'
        assert shown.size == (20, 12)


def test_report_needs_nothing_outside(tmp_path):
    image = np.zeros((4, 4), np.uint8)
    out_file = write_report(
        tmp_path / 'report.html', title='t', sections=[Section('s', [Figure(image)])]
    )
    page = Page(out_file)
    assert not {'script', 'link', 'iframe', 'object'} & set(page.seen)
    assert not {'href', 'srcset'} & set(page.attributes)
    text = out_file.read_text(encoding='utf-8')
    assert 'http' not in text
    assert 'url(' not in text
    assert '@import' not in text


def test_report_escapes_every_text(tmp_path):
    evil = '<script>alert("x")</script> & \'q\''
    out_file = write_report(
        tmp_path / 'report.html',
        title=evil,
        summary=evil,
        sections=[
            Section(
                evil,
                [
                    Paragraph(evil),
                    Table([evil], [[evil]], evil),
                    Figure(np.zeros((2, 2), np.uint8), evil),
                ],
            )
        ],
    )
    page = Page(out_file)
    assert 'script' not in page.seen
    assert page.texts == [evil] * 9
    assert page.images[0]['alt'] == evil


def test_report_replaces_only_when_whole(tmp_path):
    out_file = write_report(tmp_path / 'report.html', title='old', sections=[])
    with pytest.raises(TypeError, match=r'block.*str'):
        write_report(out_file, title='new', sections=[Section('s', ['text'])])
    assert '<h1>old</h1>' in out_file.read_text(encoding='utf-8')
    write_report(out_file, title='new', sections=[])
    assert '<h1>new</h1>' in out_file.read_text(encoding='utf-8')


@pytest.mark.parametrize(
    ('block', 'kind', 'message'),
    [
        (Table(['a', 'b'], [[1]]), ValueError, r'2 cells.*\[1\]'),
        (Figure(np.zeros((2, 2))), TypeError, 'float64'),
        (Figure(3), TypeError, 'int'),
        (Figure(b'GIF89a'), ValueError, 'PNG or a JPEG'),
        (Figure('missing.png'), FileNotFoundError, 'missing.png'),
        (None, TypeError, 'NoneType'),
    ],
)
def test_exception(tmp_path, block, kind, message):
    with pytest.raises(kind, match=message):
        write_report(tmp_path / 'report.html', title='t', sections=[Section('s', [block])])
    assert list(tmp_path.iterdir()) == []
