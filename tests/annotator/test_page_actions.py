"""What the buttons of the page do, without a browser."""

import numpy as np
import pytest

from mmsteal.annotator import AnnotatorError

pytest.importorskip('gradio')

from mmsteal.annotator.edge_sources import DEMO_MODEL, GRADIENT, UPLOAD
from mmsteal.annotator.page import AnnotatorPage
from mmsteal.annotator.page_layout import SEVERAL

AUTOMATIC = ('Automatic: try both', SEVERAL, 1, 0.1)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty repository; what the page sets for the process is put back."""
    monkeypatch.setenv('GRADIO_TEMP_DIR', '')
    monkeypatch.setattr('tempfile.tempdir', None)
    return tmp_path


def last(page, updates):
    """All updates of an action, the later ones over the earlier."""
    merged = {}
    for update in updates:
        merged.update({page.layout.status: update} if isinstance(update, str) else update)
    return merged


def start(root, **options):
    page = AnnotatorPage(root / 'work', root=root, **options)
    return page, last(page, page.actions.example('coins', None))


def refine(page, session):
    return page.actions.refine(session, GRADIENT, None, 8, *AUTOMATIC)


def finish_demo(root):
    run = root / 'work_dirs' / 'demo' / 'train'
    run.mkdir(parents=True)
    (run / 'iter_800.pth').touch()
    (run / 'last_checkpoint').write_text('iter_800.pth')
    (run.parent / 'report.html').touch()


def test_refine_finds_edges_once(root):
    page, opened = start(root)
    assert opened[page.layout.source] == GRADIENT
    refined = last(page, refine(page, opened[page.layout.session]))
    assert '8 of 8 objects moved.' in refined[page.layout.status]
    assert page.layout.edge_image in refined
    session = refined[page.layout.session]
    again = last(page, refine(page, session))
    assert page.layout.edge_image not in again
    assert again[page.layout.session].edges is session.edges
    fates = [row[2] for row in again[page.layout.table]]
    assert sorted(set(fates)) == ['grew', 'shrank']


def test_a_finished_demo_is_offered_without_a_restart(root):
    page, opened = start(root)
    session = opened[page.layout.session]
    assert page.sources.names == [GRADIENT, UPLOAD]
    finish_demo(root)
    found = last(page, page.actions.look_for_demo(session, GRADIENT))
    choices = [name for name, _ in found[page.layout.source].choices]
    # Photographs keep the colors: the demo model knows none.
    assert choices == [GRADIENT, DEMO_MODEL, UPLOAD]
    assert found[page.layout.source].value == GRADIENT
    assert 'demo model' in found[page.layout.notice]
    assert next(page.actions.find(session, DEMO_MODEL, None)).startswith('Loading the demo model')


def test_a_model_of_ones_own_comes_first(root):
    class Model:
        title, classes = 'model x', ('coin', 'cup')

        def __call__(self, pixels):
            return np.full((2, *pixels.shape[:2]), 0.5, np.float32)

    page, opened = start(root, model=Model())
    assert opened[page.layout.source] == 'model x'
    assert 'coin, cup' in page.sources.notice
    shown = last(page, page.actions.find(opened[page.layout.session], 'model x', None))
    assert shown[page.layout.session].edges.names == ('coin', 'cup', 'any')


def test_pictures_are_written_once(root):
    page, opened = start(root)
    pictures = root / 'work' / 'uploads' / 'pictures'
    refined = last(page, refine(page, opened[page.layout.session]))
    before = refined[page.layout.compare][0]
    files = set(pictures.iterdir())
    step = last(page, page.actions.step(refined[page.layout.session], 4))
    assert step[page.layout.compare][0] == before
    assert len(set(pictures.iterdir()) - files) == 1


def test_edge_map_must_be_loaded(root):
    page, opened = start(root)
    with pytest.raises(AnnotatorError, match='Load an edge map first'):
        last(page, page.actions.find(opened[page.layout.session], UPLOAD, None))
