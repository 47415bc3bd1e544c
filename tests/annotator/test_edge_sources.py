"""Where edges come from, without a page."""

import numpy as np
import pytest

from mmsteal.annotator import AnnotatorError, Session
from mmsteal.annotator.edge_sources import DEMO_MODEL, GRADIENT, UPLOAD, EdgeSources
from tests.annotator.scenes import square_session


class TwoClasses:
    title, classes = 'model x', ('coin', 'cup')

    def __call__(self, pixels):
        return np.full((2, *pixels.shape[:2]), 0.5, np.float32)


def test_a_network_comes_before_the_colors(tmp_path):
    assert EdgeSources(root=tmp_path).names == [GRADIENT, UPLOAD]
    sources = EdgeSources(TwoClasses(), tmp_path)
    assert sources.names == ['model x', GRADIENT, UPLOAD]
    assert sources.notice.startswith('**model x** knows: coin, cup.')
    assert '--checkpoint' in sources.notice
    assert sources.waiting_text(DEMO_MODEL).startswith('Loading')
    assert sources.waiting_text('model x') == 'Looking for edges (model x) …'


@pytest.mark.parametrize('source', ['model x', GRADIENT])
def test_edges_are_looked_for_once(tmp_path, source):
    sources = EdgeSources(TwoClasses(), tmp_path)
    found = sources.find(square_session(), source, None)
    assert found.edges.source == sources.title(source, None)
    assert sources.find(found, source, None) is found


def test_what_is_missing_is_named(tmp_path):
    sources = EdgeSources(root=tmp_path)
    for session, source, message in (
        (square_session(), UPLOAD, 'Load an edge map first'),
        (square_session(), DEMO_MODEL, 'mmsteal demo'),
        (Session(), GRADIENT, 'Load an image first'),
    ):
        with pytest.raises(AnnotatorError, match=message):
            sources.find(session, source, None)
