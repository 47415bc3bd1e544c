#!/usr/bin/env bash
# tools/dist_refine.sh GPUS [options of tools/refine.py]
# One machine: GPUS ranks, each with its share of the images. Several machines: set NNODES,
# NODE_RANK, MASTER_ADDR and PORT; the output folder is shared.
set -euo pipefail
GPUS=$1
HERE=$(cd "$(dirname "$0")" && pwd)
# An active environment first, then the one that `make` built; PYTHON overrides both.
VENV=${VIRTUAL_ENV:-${CONDA_PREFIX:-$HERE/../.venv}}
PYTHON=${PYTHON:-$([ -x "$VENV/bin/python" ] && echo "$VENV/bin/python" || command -v python3)}
PYTHONPATH="$HERE/..:${PYTHONPATH:-}" exec "$PYTHON" -m torch.distributed.run \
  --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
  --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
  --nproc_per_node="$((GPUS > 0 ? GPUS : 1))" \
  "$HERE/refine.py" --launcher pytorch "${@:2}"
