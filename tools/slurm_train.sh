#!/usr/bin/env bash
# tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of tools/train.py]
# Environment: GPUS (all ranks, default 4), GPUS_PER_NODE (default: up to 8), CPUS_PER_TASK,
# SRUN_ARGS.
set -euo pipefail
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
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
  "$PYTHON" -u "$HERE/train.py" "$CONFIG" --launcher slurm "${@:4}"
