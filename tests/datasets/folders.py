"""Small data sets on disk, in the layouts that people have."""

import numpy as np
import scipy.io
from PIL import Image
from scipy.sparse import csc_array

SIZE = (24, 32)


def blocks(values):
    """A label map of vertical stripes, one per value."""
    columns = np.array_split(np.arange(SIZE[1]), len(values))
    labels = np.zeros(SIZE, np.uint8)
    for value, where in zip(values, columns, strict=True):
        labels[:, where] = value
    return labels


def write_folder(root, values=(0, 1, 2), names=('a', 'b'), suffix='.jpg', instances=False):
    """images/, labels/ and, if wanted, instances/ of EdgeDataset."""
    rng = np.random.default_rng(0)
    folders = ['images', 'labels', *(['instances'] if instances else [])]
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(image).save(root / 'images' / f'{name}{suffix}')
        Image.fromarray(blocks(values)).save(root / 'labels' / f'{name}.png')
        if instances:
            ids = np.zeros(SIZE, np.uint16)
            ids[12:] = 300
            Image.fromarray(ids).save(root / 'instances' / f'{name}.png')
    return root


def write_sbd(root, names=('2008_1', '2008_2', '2008_3')):
    """img/, cls/, inst/, train.txt of SBD."""
    for folder in ('img', 'cls', 'inst'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    segmentation = np.zeros(SIZE, np.uint8)
    segmentation[4:20, 4:16] = 15
    segmentation[4:20, 16:28] = 15
    instances = np.zeros(SIZE, np.uint8)
    instances[4:20, 4:16] = 1
    instances[4:20, 16:28] = 2
    stored = [csc_array(SIZE, dtype=np.uint8) for _ in range(20)]
    line = np.zeros(SIZE, np.uint8)
    line[4, 4:28] = 1
    stored[14] = csc_array(line)
    for name in names:
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / 'img' / f'{name}.jpg')
        boundaries = np.empty((20, 1), object)
        boundaries[:, 0] = stored
        cls = dict(Segmentation=segmentation, Boundaries=boundaries, CategoriesPresent=[[15]])
        scipy.io.savemat(root / 'cls' / f'{name}.mat', dict(GTcls=cls))
        per_instance = np.empty((2, 1), object)
        per_instance[:, 0] = [csc_array(line), csc_array(line[::-1])]
        inst = dict(Segmentation=instances, Boundaries=per_instance, Categories=[[15], [15]])
        scipy.io.savemat(root / 'inst' / f'{name}.mat', dict(GTinst=inst))
    (root / 'train.txt').write_text('\n'.join(names) + '\n')
    return root


def write_cityscapes(root, city='aachen', name='aachen_000000_000019'):
    """leftImg8bit/train and gtFine/train of Cityscapes."""
    image_dir, label_dir = root / 'leftImg8bit/train' / city, root / 'gtFine/train' / city
    image_dir.mkdir(parents=True)
    label_dir.mkdir(parents=True)
    image = np.zeros((*SIZE, 3), np.uint8)
    Image.fromarray(image).save(image_dir / f'{name}_leftImg8bit.png')
    labels = blocks((7, 26, 4))  # road, car, static (void)
    Image.fromarray(labels).save(label_dir / f'{name}_gtFine_labelIds.png')
    ids = labels.astype(np.uint16)
    ids[:12][labels[:12] == 26] = 26000
    ids[12:][labels[12:] == 26] = 26001
    Image.fromarray(ids).save(label_dir / f'{name}_gtFine_instanceIds.png')
    return root
