"""Where results may go."""

import pytest

from mmsteal.jobs import check_out_dir, check_out_file


@pytest.mark.parametrize(
    ('out', 'folders', 'inside', 'fine'),
    [
        ('out', ['labels'], False, True),
        ('.', ['4px'], False, True),  # data lies beside it
        ('.', ['data'], False, False),
        ('.', ['data'], True, False),
        ('..', ['root'], False, False),  # holds the source
        ('data', ['labels'], False, False),
        ('data/refined', ['labels'], False, False),
        ('data/refined', ['labels'], True, True),
    ],
)
@pytest.mark.parametrize('source', ['data', 'data/file'])
def test_places(tmp_path, out, folders, inside, fine, source):
    root = tmp_path / 'root'
    (root / 'data').mkdir(parents=True)
    (root / 'data/file').touch()
    (root / 'link').symlink_to(root / 'data')
    sources = {'labels': root / source, 'edges': None, 'images': root / 'none'}
    if fine:
        check_out_dir(root / out, folders, sources, inside=inside)
        return
    with pytest.raises(ValueError, match='apart from the labels'):
        check_out_dir(root / out, folders, sources, inside=inside)
    with pytest.raises(ValueError, match='apart from the labels'):
        check_out_dir(root / out, folders, {'labels': str(root / 'link')}, inside=inside)


def test_links_that_lead_out(tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/labels').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(ValueError, match='is a link to'):
        check_out_dir(tmp_path / 'out', ['labels'], {})
    (tmp_path / 'link').symlink_to(tmp_path / 'out')
    check_out_dir(tmp_path / 'link', ['reports'], {'labels': tmp_path / 'elsewhere'})


def test_files(tmp_path):
    (tmp_path / 'a').touch()
    check_out_file(tmp_path / 'b', {'the labels': tmp_path / 'a', 'x': None, 'folder': tmp_path})
    with pytest.raises(ValueError, match='Expected another file than the labels'):
        check_out_file(tmp_path / 'c/../a', {'the labels': tmp_path / 'a'})
