"""Masks in every format of the package, and read back."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from mmsteal.annotator import AnnotatorError, Picture, Session, export_masks
from mmsteal.annotator.export import EXPORT_FORMATS
from mmsteal.label_formats import open_label_format
from tests.annotator.scenes import block, square_session


def unpacked(session, name, folder):
    archive = export_masks(session, name, folder / 'out')
    assert [p.name for p in (folder / 'out').iterdir()] == [archive.name]
    with zipfile.ZipFile(archive) as source:
        source.extractall(folder / 'read')
    return folder / 'read'


def read_back(name, root, session):
    images = root / 'images'
    picture = session.image
    if name == 'cityscapes':
        picture_path = root / 'leftImg8bit' / 'square_leftImg8bit.png'
    elif name in ('voc', 'sbd'):
        picture_path = root / ('JPEGImages' if name == 'voc' else 'img') / 'square.png'
    else:
        picture_path = images / picture.file_name
    picture_path.parent.mkdir(parents=True)
    Image.fromarray(picture.pixels).save(picture_path)
    options = {
        'png': dict(root=root / 'labels', images=images, instances=root / 'instances',
                    background=0),
        'coco': dict(root=root / 'instances.json', images=images),
        'labelme': dict(root=root, images=images),
    }.get(name, dict(root=root))  # fmt: skip
    labels = open_label_format(name, **options)
    (item,) = labels.items()
    return labels.read(item)


@pytest.mark.parametrize('name', EXPORT_FORMATS.values())
def test_every_format_of_the_package_is_written(name, tmp_path):
    if name == 'coco':
        pytest.importorskip('pycocotools')
    root = unpacked(square_session(), name, tmp_path)
    assert len([path for path in root.rglob('*') if path.is_file()]) > 1
    assert (root / 'classes.txt').is_file()


@pytest.mark.parametrize('name', ['png', 'voc', 'sbd', 'coco', 'labelme'])
def test_round_trip(name, tmp_path):
    if name == 'coco':
        pytest.importorskip('pycocotools')
    session = square_session().add_drawing(block(2, 12, 2, 30), 'person')
    annotation = read_back(name, unpacked(session, name, tmp_path), session)
    masks = {(annotation.object_map == m).tobytes() for m in range(len(annotation.objects))}
    assert masks == {(session.object_map == m).tobytes() for m in (0, 1)}


def test_cityscapes(tmp_path):
    session = square_session().add_drawing(block(2, 12, 2, 30), 'person')
    root = unpacked(session, 'cityscapes', tmp_path)
    (path,) = root.rglob('*_labelIds.png')
    labels = np.asarray(Image.open(path))
    np.testing.assert_array_equal(labels == 26, session.object_map == 0)
    np.testing.assert_array_equal(labels == 24, session.object_map == 1)


def test_class_table_and_ignored_pixels(tmp_path):
    labels = np.zeros((80, 100), np.uint8)
    labels[5:20, 5:20] = 2
    labels[70:] = 255
    session = square_session().with_label_map(labels)
    root = unpacked(session, 'png', tmp_path)
    written = np.asarray(Image.open(root / 'labels' / 'square.png'))
    np.testing.assert_array_equal(written, labels)
    assert (root / 'classes.txt').read_text() == '1\tcar\n2\tperson\n'


def test_names_of_files_stay_in_the_archive(tmp_path):
    picture = Picture('..', '..png', np.zeros((80, 100, 3), np.uint8))
    session = Session(classes=('car',)).open(picture).add_drawing(block(5, 20, 5, 20), 'car')
    archive = export_masks(session, 'labelme', tmp_path / 'out')
    assert archive.parent == tmp_path / 'out'
    with zipfile.ZipFile(archive) as source:
        assert all('..' not in name.split('/') for name in source.namelist())


def test_class_that_the_format_does_not_have(tmp_path):
    session = square_session().with_classes(('car', 'dragon'))
    session = session.add_drawing(block(2, 12, 2, 30), 'dragon')
    with pytest.raises(AnnotatorError, match=r"Cityscapes has its own classes.*'dragon'"):
        export_masks(session, 'cityscapes', tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_to_download(tmp_path):
    with pytest.raises(AnnotatorError, match='no mask to download'):
        export_masks(square_session().clear(), 'png', tmp_path)
    with pytest.raises(AnnotatorError, match='Load an image'):
        export_masks(Session(), 'png', tmp_path)
