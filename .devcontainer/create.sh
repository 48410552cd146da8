#!/bin/sh
# Prepares Go for the dev container's user, whatever the uid: a build cache that starts as links to the image's, as in docker/start.sh.
set -eu
mkdir -p "$HOME/.cache"
mkdir -p -m 700 "$HOME/.cache/go-build"
cp -rsn /opt/go-build/. "$HOME/.cache/go-build"
# Go would note the checkout's commit in each program, and beside the image's modules, which another uid may not write.
go env -w GOFLAGS=-buildvcs=false
# The same value as in the Makefile: with another one, nothing in the cache would fit.
if [ "$(uname -m)" = x86_64 ]; then
	go env -w GOEXPERIMENT=simd
fi
