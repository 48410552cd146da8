#!/bin/sh
# row.sh INDEX [flags]: trains row INDEX (from 0) of "resnet18 experiment list", or resumes it, with the flags of
# "resnet18 experiment". For experiments.yaml, experiments.slurm and xargs.
set -eu
index=$1
shift
row=$(resnet18 experiment list | awk -v n="$index" 'NR == n + 1 { print $1 }')
if [ -z "$row" ]; then
	echo "row.sh: no row $index; rows are 0 to $(($(resnet18 experiment list | wc -l) - 1))" >&2
	exit 1
fi
exec resnet18 experiment "$row" "$@"
