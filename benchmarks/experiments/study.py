"""Run the studies of docs/results.md by name: train, judge, write tables, curves and pictures.

python benchmarks/experiments/study.py --list
python benchmarks/experiments/study.py losses_demo thickness
python benchmarks/experiments/study.py all --camvid data/camvid
python benchmarks/experiments/study.py losses_camvid --camvid data/camvid --publish

Results lie under `--work-dir`/NAME. A study that was killed resumes, but for hand_labels, which is
short and starts anew; one that is done prints its table. One that fails does
not stop the others. `--publish` copies the tables to benchmarks/results, the pictures to
docs/pictures/results, and sets the tables into docs/results.md. For other data, networks and
budgets call the scripts that a study is made of: `--list` prints their commands.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mmsteal.files import write_file

sys.path.append(str(Path(__file__).resolve().parents[1]))
from measurement import one_thread_environment

REPO = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).resolve().parent
RESULTS = REPO / 'benchmarks' / 'results'
PICTURES = REPO / 'docs' / 'pictures' / 'results'
PAGE = REPO / 'docs' / 'results.md'


@dataclass(frozen=True)
class Study:
    """One table.

    Attributes:
        question: What it asks.
        command: Script and options. `{out}` is the folder of this study, `{work}` that of all,
            `{camvid}`, `{msrc}` the data.
        after: Studies whose trained networks it takes.
        pictures: Files to publish beside the tables. Photographs of data sets are not.
    """

    question: str
    command: str
    after: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


_CAMVID = 'configs/steal_casenet_r18_camvid.py'
_MODELS_DEMO = ' '.join(
    f'{{work}}/alignment_demo_4px/systematic_4px_seed{seed}/dataset/iter_800.pth'
    for seed in (0, 1, 2)
)
_STEAL = 'BCE_NMS_direction_balanced_to_the_end'
_MODELS_CAMVID = ' '.join(
    f'{{work}}/losses_camvid/seed{seed}/{_STEAL}/iter_200.pth' for seed in (0, 1, 2)
)
STUDIES = {
    'losses_demo': Study(
        'What does each loss of Eq. 7 add? Generated scenes, exact labels.',
        "losses.py --work-dir {out} --seeds 0 1 2 --variants 'BCE, balanced to the end' BCE "
        "'BCE + NMS' 'BCE + NMS + direction' "
        "'BCE + NMS + direction, summed, balanced to the end'",
        pictures=('curves.png', 'pictures.png'),
    ),
    'losses_camvid': Study(
        'The same on photographs.',
        f'losses.py --work-dir {{out}} --config {_CAMVID} --data-root {{camvid}} --max-iters 200 '
        "--seeds 0 1 2 --variants 'BCE, balanced to the end' "
        "'BCE + NMS + direction, balanced to the end'",
        pictures=('curves.png',),
    ),
    'options': Study(
        'How much do the options of the losses matter? Synthetic scenes.',
        'edge_width.py --rows options --out {out}',
    ),
    'thickness': Study(
        'How wide are the responses that each loss teaches? Synthetic scenes.',
        'edge_width.py --out {out}',
    ),
    'alignment_demo_0px': Study(
        'Does alignment harm exact labels?',
        'active_alignment.py --work-dir {out} --errors systematic --noise-px 0 --seeds 0 1 2 '
        '--methods none batch dataset --interval 100',
    ),
    'alignment_demo_4px': Study(
        'Does it repair labels drawn too small by up to 4 px?',
        'active_alignment.py --work-dir {out} --errors systematic --noise-px 4 --seeds 0 1 2 '
        '--methods none batch dataset --interval 100',
    ),
    'alignment_demo_8px': Study(
        'By up to 8 px?',
        'active_alignment.py --work-dir {out} --errors systematic --noise-px 8 --seeds 0 1 2 '
        '--methods none batch dataset --interval 100',
    ),
    'alignment_demo_random': Study(
        'Labels that err to both sides by up to 8 px?',
        'active_alignment.py --work-dir {out} --errors random --noise-px 8 --seeds 0 1 2 '
        '--methods none batch dataset --interval 100',
    ),
    'alignment_options': Study(
        'Which options of the alignment matter? One alignment, without training.',
        'active_alignment.py --work-dir {work}/alignment_demo_8px --errors systematic '
        '--noise-px 8 --seeds 0 1 2 --sweep --out {out}',
        after=('alignment_demo_8px',),
    ),
    'alignment_options_random': Study(
        'And where labels err to both sides?',
        'active_alignment.py --work-dir {work}/alignment_demo_random --errors random '
        '--noise-px 8 --seeds 0 1 2 --sweep --out {out}',
        after=('alignment_demo_random',),
    ),
    'alignment_camvid': Study(
        'On photographs, labels drawn too small by up to 8 px?',
        f'active_alignment.py --work-dir {{out}} --config {_CAMVID} --data-root {{camvid}} '
        '--errors systematic --noise-px 8 --seeds 0 1 2 --methods none dataset --max-iters 400 '
        '--begin 200 --interval 100',
    ),
    'coarse_to_fine_demo': Study(
        'Are refined labels better than coarse ones, and than GrabCut? Generated scenes.',
        'coarse_to_fine.py configs/steal_demo.py {models_demo} --out {out} '
        '--data-root {work}/alignment_demo_4px/data_4px',
        after=('alignment_demo_4px',),
    ),
    'coarse_to_fine_camvid': Study(
        'The same on photographs.',
        f'coarse_to_fine.py {_CAMVID} {{models_camvid}} --out {{out}} --data-root {{camvid}} '
        '--scale 0.5 --methods joint level-set grabcut-ring',
        after=('losses_camvid',),
    ),
    'hand_labels_msrc': Study(
        'Labels that people drew, edges from color alone?',
        'hand_labels.py --root {msrc} --out {out}',
    ),
    'segmentor_demo': Study(
        'Does a segmentor learn more from refined labels than from coarse ones?',
        'segmentor_on_refined.py configs/steal_demo.py,{first_model_demo} --engine level_set '
        '--errors 16 '
        '--seeds 0 1 2 --data-root {work}/alignment_demo_4px/data_4px --instances instances/train '
        '--work-dir {out}',
        after=('alignment_demo_4px',),
    ),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', metavar='NAME', help="of studies, or 'all'")
    parser.add_argument('--list', action='store_true', help='print names and commands')
    parser.add_argument('--work-dir', default='work_dirs/studies')
    parser.add_argument('--camvid', default='data/camvid', help='CamVid in the form of SegNet')
    parser.add_argument('--msrc', default='data/msrc_v2', help='MSRC v2 with hand-drawn labels')
    parser.add_argument('--publish', action='store_true', help='renew docs/results.md')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.list or not args.names:
        for name, study in STUDIES.items():
            print(f'{name}: {study.question}\n    {shlex.join(command_of(name, args))}')
        return
    names = list(STUDIES) if args.names == ['all'] else args.names
    if unknown := sorted(set(names) - set(STUDIES)):
        raise SystemExit(f'error: expected studies among {", ".join(STUDIES)}, but got {unknown}.')
    order = with_needed(names)
    require_data(order, args)
    failed = run_studies(order, args)
    if args.publish:
        publish([name for name in names if name not in failed], Path(args.work_dir).resolve())
    if failed:
        raise SystemExit(f'error: failed: {", ".join(failed)}.')


def require_data(names: list[str], args: argparse.Namespace) -> None:
    """Stop before anything runs where a study takes a data set that is not there."""
    missing = []
    for option in ('camvid', 'msrc'):
        asking = [n for n in names if f'{{{option}}}' in STUDIES[n].command]
        if asking and not Path(getattr(args, option)).is_dir():
            missing.append(f'--{option} {getattr(args, option)} (for {", ".join(asking)})')
    if missing:
        raise SystemExit(
            f'error: expected data sets, but there is no folder: {"; ".join(missing)}.'
        )


def run_studies(order: list[str], args: argparse.Namespace) -> list[str]:
    """Run studies, needed ones first; the names of those that failed."""
    failed = []
    for name in order:
        print(f'== {name}: {STUDIES[name].question}', flush=True)
        if lacking := [needed for needed in STUDIES[name].after if needed in failed]:
            failed.append(name)
            print(f'{name} is left out: it needs {", ".join(lacking)}, which failed.', flush=True)
            continue
        # One thread: results do not depend on the cores, and studies can run side by side.
        done = subprocess.run(
            command_of(name, args), cwd=REPO, env=one_thread_environment(), check=False
        )
        if done.returncode:
            failed.append(name)
            print(f'{name} failed with exit code {done.returncode}.', flush=True)
    return failed


def with_needed(names: list[str]) -> list[str]:
    """The studies and, before each, those whose networks it takes; each once."""
    order = {}
    for name in names:
        order |= dict.fromkeys([*with_needed(list(STUDIES[name].after)), name])
    return list(order)


def command_of(name: str, args: argparse.Namespace) -> list[str]:
    """Arguments of the process that makes a study."""
    work = Path(args.work_dir).resolve()
    places = dict(
        out=work / name,
        work=work,
        camvid=Path(args.camvid).resolve(),
        msrc=Path(args.msrc).resolve(),
    )
    text = STUDIES[name].command.replace('{models_demo}', _MODELS_DEMO)
    text = text.replace('{models_camvid}', _MODELS_CAMVID)
    text = text.replace('{first_model_demo}', _MODELS_DEMO.split()[0])
    script, *options = shlex.split(text)
    return [sys.executable, str(SCRIPTS / script), *(o.format(**places) for o in options)]


def publish(names: list[str], work: Path) -> None:
    """Copy what studies wrote into the repository, and set their tables into docs/results.md."""
    for name in names:
        tables = [work / name / f'results.{kind}' for kind in ('csv', 'md')]
        for table in tables:
            shutil.copy(table, RESULTS / f'{name}{table.suffix}')
        for picture in STUDIES[name].pictures:
            PICTURES.mkdir(parents=True, exist_ok=True)
            shutil.copy(work / name / picture, PICTURES / f'{name}_{picture}')
    page = PAGE.read_text(encoding='utf-8')
    write_file(PAGE, set_tables(page, RESULTS))


def set_tables(page: str, results: Path) -> str:
    """A page with the tables of a folder between its markers.

    A table stands between `<!-- table NAME -->` and `<!-- end -->`; it stays as it is where the
    folder has no NAME.md.
    """

    def table(match: re.Match) -> str:
        file = results / f'{match[1]}.md'
        if not file.is_file():
            return match[0]
        text = file.read_text(encoding='utf-8')
        return f'<!-- table {match[1]} -->\n\n{text.strip()}\n\n<!-- end -->'

    return re.sub(r'<!-- table (\w+) -->.*?<!-- end -->', table, page, flags=re.DOTALL)


if __name__ == '__main__':
    main()
