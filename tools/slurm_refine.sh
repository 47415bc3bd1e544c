#!/usr/bin/env bash
# tools/slurm_refine.sh PARTITION JOB_NAME [options of tools/refine.py]
# Environment: GPUS (all ranks, default 4), GPUS_PER_NODE (default: up to 8), CPUS_PER_TASK,
# SRUN_ARGS. The output folder is shared.
set -euo pipefail
PARTITION=$1
JOB_NAME=$2
GPUS=${GPUS:-4}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
HERE=$(cd "$(dirname "$0")" && pwd)
# An active environment first, then the one that `make` built; PYTHON overrides both.
VENV=${VIRTUAL_ENV:-${CONDA_PREFIX:-$HERE/../.venv}}
PYTHON=${PYTHON:-$([ -x "$VENV/bin/python" ] && echo "$VENV/bin/python" || command -v python3)}
# shellcheck disable=SC2086  # SRUN_ARGS is a list of words
PYTHONPATH="$HERE/..:${PYTHONPATH:-}" exec srun -p "$PARTITION" --job-name="$JOB_NAME" \
  --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" \
  --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
  "$PYTHON" -u "$HERE/refine.py" --launcher slurm "${@:3}"
