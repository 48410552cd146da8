// Package weights embeds trained weights, so that predictions need no training. README.md says how they are made.
package weights

import (
	"embed"
	"io/fs"
	"path"
)

// The pattern matches all files of the folder, so that the package compiles while there are no weights.
//
//go:embed *
var embedded embed.FS

// Files has the embedded files. Tests put others in its place.
var Files fs.FS = embedded

const suffix = ".safetensors.gz"

// File returns the file of a network, for pretrained.Open. ok is false if the project has none of that name.
func File(name string) (data []byte, ok bool) {
	data, err := fs.ReadFile(Files, name+suffix)
	return data, err == nil
}

// Path is the file's path in the project.
func Path(name string) string { return path.Join("data/weights", name+suffix) }
