// Package site embeds the course's pages, so that "resnet18 serve" shows them without other files. tools/build_site.py makes them.
package site

import "embed"

// Files are the pages, with index.html at the top.
//
//go:embed *.html *.css *.js */*
var Files embed.FS
