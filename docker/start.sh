#!/bin/sh
# Prepares the reader's home and runs the given command in their copy of the project. It runs at each start and keeps what exists.
#
#   ~/resnet18           the reader's copy of the project, theirs to change
#   /srv/resnet18        optional, read-only, shared by all: has the folders data and runs, as in work
set -eu
mask=$(umask)
umask 077 # several readers may share the machine
image=/opt/resnet18
shared=/srv/resnet18
compiled=/opt/go-build
project=$HOME/resnet18

# own_folder DIR reports whether DIR is a real folder of this user that not everybody can write to. (A Kubernetes volume with fsGroup
# makes everything in the home group-writable.)
own_folder() {
	[ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] && [ -z "$(find "$1" -prune -perm -002)" ]
}

# Copied under another name and then renamed, so that an interrupted copy is never taken for a whole one.
if [ ! -e "$project" ]; then
	part=$project.part.$$
	mkdir -p "$part/work/runs"
	cd $image
	for entry in *; do
		[ "$entry" = data ] || cp -rp "$entry" "$part"
	done
	ln -s $image/data $image/.venv $image/.bin "$part" # large, and not the reader's to change
	mv "$part" "$project"
	if [ -x .venv/bin/python ]; then
		.venv/bin/python "$project/tools/trust.py" >/dev/null 2>&1 &
	fi
fi

# Links to the shared data and runs, unless the reader has their own.
if [ -d $shared/data ] && [ ! -e "$project/work/data" ]; then
	ln -sfn $shared/data "$project/work/data"
fi
for run in $shared/runs/*/; do
	if [ -d "$run" ] && [ ! -e "$project/work/runs/$(basename "$run")" ]; then
		ln -sfn "${run%/}" "$project/work/runs/$(basename "$run")"
	fi
done

# Go's build cache starts as links to the image's. Go runs what it finds there, so it must be a folder that nobody else can have filled.
if [ "${GOCACHE:-}" != $compiled ]; then
	cache=${GOCACHE:-$HOME/.cache/go-build}
	mkdir -p "$cache" 2>/dev/null || true
	if ! own_folder "$cache"; then
		mkdir -p "$HOME/.cache"
		new=$(mktemp -d "$HOME/.cache/go-build.XXXXXX")
		echo "start.sh: $cache is a link, belongs to another user or can be written by all; Go's cache is now $new" >&2
		cache=$new
	fi
	chmod 700 "$cache"
	find "$cache" -xtype l -delete # links into an older image
	if [ -d $compiled ]; then
		cp -rsn $compiled/. "$cache"
	fi
	export GOCACHE="$cache"
fi

# The same value as in the Makefile: with another one, nothing in the cache would fit.
if [ "$(uname -m)" = x86_64 ]; then
	export GOEXPERIMENT="${GOEXPERIMENT-simd}"
fi

umask "$mask"
cd "$project"
exec "$@"
