#!/bin/sh
# Gets the reader's home ready and runs the given command in the project's folder there. It may run again at any time, and does
# at each start: what is there stays.
#
#   ~/resnet18           the reader's own copy of the project: notebooks and packages to change at will
#   /srv/resnet18        optional, read-only, for all: work/data and work/runs as "make lab" leaves them
set -eu
mask=$(umask)
umask 077 # what is made here is for the reader alone, where several share a machine
image=/opt/resnet18
shared=/srv/resnet18
project=$HOME/resnet18

# Beside its place and then renamed: a copy that was cut off never looks like a whole one.
if [ ! -e "$project" ]; then
	part=$project.part.$$
	mkdir -p "$part/work/runs"
	cd $image
	cp -rp Makefile README.md go.mod go.sum requirements.txt staticcheck.conf bench cmd docker notebooks pkg site tools "$part"
	ln -s $image/data $image/.venv $image/.bin "$part" # large, and nobody's to change
	mv "$part" "$project"
	# Unsigned, JupyterLab hides the SVG figures that are saved in a notebook.
	if [ -x .venv/bin/jupyter ]; then
		jupyter trust --log-level=ERROR "$project"/notebooks/*.ipynb >/dev/null 2>&1 &
	fi
fi

# Links to what all share, where the reader has nothing of that name.
if [ -d $shared/data ] && [ ! -e "$project/work/data" ]; then
	ln -sfn $shared/data "$project/work/data"
fi
for run in $shared/runs/*/; do
	if [ -d "$run" ] && [ ! -e "$project/work/runs/$(basename "$run")" ]; then
		ln -sfn "${run%/}" "$project/work/runs/$(basename "$run")"
	fi
done

# Compiled packages: a folder of links to the image's, to which Go adds the reader's own.
export GOCACHE="${GOCACHE:-/tmp/go-build-$(id -u)}"
if [ -d /opt/go-build ] && [ "$GOCACHE" != /opt/go-build ]; then
	mkdir -p "$GOCACHE"
	cp -rsn /opt/go-build/. "$GOCACHE"
fi

# As the Makefile: compiled with another value, nothing in the cache would fit.
if [ "$(uname -m)" = x86_64 ]; then
	export GOEXPERIMENT="${GOEXPERIMENT-simd}"
fi

umask "$mask"
cd "$project"
exec "$@"
