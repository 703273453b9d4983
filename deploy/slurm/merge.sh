#!/bin/bash
# One report of what the tasks of by-dataset.sbatch found. Run it in the project's folder with the same names.
#
#   bash deploy/slurm/merge.sh redundant unique my-files

set -euo pipefail
[ $# -gt 0 ] || {
    echo "usage: bash deploy/slurm/merge.sh DATASET ..." >&2
    exit 2
}
if [ -f "${MMBENCH_ENV:=.venv}/bin/activate" ]; then
    source "$MMBENCH_ENV/bin/activate"
fi
parts=()
for name in "$@"; do
    parts+=("by-dataset/$name")
    # The budgets that were found: the plan of the whole project depends on them.
    if compgen -G "by-dataset/$name/data/budget/*.json" >/dev/null; then
        mkdir -p data/budget
        cp by-dataset/"$name"/data/budget/*.json data/budget/
    fi
done
mmbench report "${parts[@]}"
