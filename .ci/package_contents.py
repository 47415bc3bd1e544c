"""Check what an sdist and a wheel hold: python .ci/package_contents.py SOURCE DIST."""

import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

MAX_WHEEL_BYTES = 8 * 2**20
# In a wheel: code, its marker of types, weights, and what `mim` reads. Pictures and data stay
# outside.
SUFFIXES = {'.py', '.typed', '.yml', '.sh'}
SDIST_FILES = ('LICENSE', 'README.md', 'CHANGELOG.md', 'CITATION.cff', 'constraints.txt')


def expected_files(source: Path) -> dict[str, bytes]:
    """What a wheel must hold beside its metadata, byte for byte."""
    files = {
        path: path.relative_to(source).as_posix()
        for path in (source / 'mmsteal').rglob('*')
        if path.suffix in ('.py', '.typed', '.pth') and '.mim' not in path.parts
    }
    for folder, suffixes in (('configs', ('.py', '.yml')), ('tools', ('.py', '.sh'))):
        for path in (source / folder).rglob('*'):
            if path.suffix in suffixes:
                files[path] = f'mmsteal/.mim/{path.relative_to(source).as_posix()}'
    for path in (source / 'mmsteal/demo/photograph_labels').rglob('*.json'):
        files[path] = path.relative_to(source).as_posix()
    files[source / 'model-index.yml'] = 'mmsteal/.mim/model-index.yml'
    return {name: path.read_bytes() for path, name in files.items()}


def check_wheel(path: Path, source: Path) -> list[str]:
    """Faults of a wheel."""
    faults = []
    expected = expected_files(source)
    with zipfile.ZipFile(path) as wheel:
        found = {info.filename: info for info in wheel.infolist() if not info.is_dir()}
        for name, content in expected.items():
            if name not in found:
                faults.append(f'{path.name} lacks {name}')
            elif wheel.read(name) != content:
                faults.append(f'{path.name} has another {name}')
            elif name.endswith('.sh') and not found[name].external_attr >> 16 & 0o111:
                faults.append(f'{path.name}: {name} is not executable')
    metadata = {name for name in found if '.dist-info/' in name}
    faults += [f'{path.name} holds {name}' for name in set(found) - set(expected) - metadata]
    if not any(name.endswith('.dist-info/licenses/LICENSE') for name in metadata):
        faults.append(f'{path.name} lacks the licence')
    if path.stat().st_size > MAX_WHEEL_BYTES:
        faults.append(f'{path.name} is larger than {MAX_WHEEL_BYTES} bytes')
    return faults


def check_sdist(path: Path, source: Path) -> list[str]:
    """Faults of an sdist."""
    with tarfile.open(path) as archive:
        found = {name.partition('/')[2] for name in archive.getnames()}
    wanted = {*SDIST_FILES, 'pyproject.toml', 'setup.cfg', 'model-index.yml'}
    for folder in ('mmsteal', 'configs', 'tools', 'tests', 'benchmarks'):
        wanted |= {p.relative_to(source).as_posix() for p in (source / folder).rglob('*.py')}
    weights = {p.relative_to(source).as_posix() for p in (source / 'mmsteal').rglob('*.pth')}
    faults = [f'{path.name} lacks {name}' for name in sorted((wanted | weights) - found)]
    kinds = {PurePosixPath(name).suffix for name in found - weights}
    for kind in kinds & {'.png', '.jpg', '.gif', '.npz', '.pth', '.pyc', '.nbi', '.nbc'}:
        faults.append(f'{path.name} holds files of kind {kind}')
    return faults


def main() -> None:
    """Print the sizes, and stop with the faults if there are any."""
    source, dist = map(Path, sys.argv[1:])
    (wheel,) = dist.glob('*.whl')
    (sdist,) = dist.glob('*.tar.gz')
    faults = check_wheel(wheel, source) + check_sdist(sdist, source)
    for path in (sdist, wheel):
        print(f'{path.name}: {path.stat().st_size / 1024:.0f} KiB')
    if faults:
        sys.exit('\n'.join(faults))


if __name__ == '__main__':
    main()
