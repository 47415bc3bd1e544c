#!/usr/bin/env bash
# Build sdist and wheel, look into both, install the wheel away from the checkout, and use every
# command of it. The wheel is built from the sdist, so both hold what they must.
#
#   .ci/check_package.sh                       with the dependencies that constraints.txt pins
#   .ci/check_package.sh --site SITE_PACKAGES  with those of an environment that has them: much faster
#   .ci/check_package.sh --mim                 train and test through `mim`, too
#   .ci/check_package.sh --demo                open the annotator page, too, which needs gradio
#
# PYTHON names the interpreter (default python3).
set -euo pipefail

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0"; }
site='' mim='' demo=''
while [ $# -gt 0 ]; do
    case "$1" in
        --site) site="$(cd "${2:?--site needs a folder}" && pwd)"; shift ;;
        --mim) mim=--mim ;;
        --demo) demo=yes ;;
        -h | --help) usage; exit ;;
        *) echo "Expected --site FOLDER, --mim or --demo, but got $1." >&2; exit 2 ;;
    esac
    shift
done

repo="$(cd "$(dirname "$0")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH # or the commands would take another mmsteal
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" PIP_DISABLE_PIP_VERSION_CHECK=1

# A copy without ignored files: what an earlier build left behind must not get in.
mkdir "$work/source"
(cd "$repo" && git ls-files -z --cached --others --exclude-standard --deduplicate |
    tar --null --files-from=- --create --file=-) | tar --extract --file=- --directory="$work/source"

"${PYTHON:-python3}" -m venv "$work/env"
python="$work/env/bin/python"
"$python" -m pip install --quiet --upgrade 'pip>=24' build
"$python" -m build --outdir "$work/dist" "$work/source" >"$work/build.log" 2>&1 ||
    { cat "$work/build.log"; exit 1; }
"$python" "$repo/.ci/package_contents.py" "$work/source" "$work/dist"

wheel="$(echo "$work"/dist/*.whl)"
if [ -n "$site" ]; then
    # Not this site's mmsteal: the wheel stands before it on the path.
    echo "$site" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/site.pth"
    # mmengine reads distutils, which from Python 3.12 on is setuptools' alone, and is not found through
    # a path: so setuptools is installed here. Without --site torch brings it.
    "$python" -m pip install --quiet --no-deps --force-reinstall "$wheel" setuptools
else
    "$python" -m pip install --quiet -c "$repo/constraints.txt" "mmsteal[onedl] @ file://$wheel"
fi
if [ -n "$mim" ]; then
    # openmim reads pkg_resources, which newer setuptools no longer has; torch asks for 77 or newer.
    "$python" -m pip install --quiet openmim 'setuptools>=77.0.3,<81'
fi
if [ -n "$demo" ]; then
    "$python" -m pip install --quiet -c "$repo/constraints.txt" 'gradio>=6'
fi
mkdir "$work/run"
cd "$work/run"
# -I: neither the folder at hand nor PYTHONPATH is looked into.
"$python" -I "$repo/.ci/package_smoke.py" $mim
