#!/bin/sh
# row.sh INDEX [flags]: trains one row of "resnet18 experiment list", counted from 0, or goes on with it. The flags are those of
# "resnet18 experiment". Called by the jobs of experiments.yaml, or by xargs.
set -eu
index=$1
shift
row=$(resnet18 experiment list | awk -v n="$index" 'NR == n + 1 { print $1 }')
if [ -z "$row" ]; then
	echo "row.sh: there is no row $index, want 0 to $(($(resnet18 experiment list | wc -l) - 1))" >&2
	exit 1
fi
exec resnet18 experiment "$row" "$@"
