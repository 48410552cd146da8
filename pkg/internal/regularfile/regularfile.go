// Package regularfile opens regular files and refuses everything else, because opening a FIFO or a device can block a
// program forever.
package regularfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// ErrNotRegular reports that a path leads to a directory, a FIFO, a device or a socket.
var ErrNotRegular = errors.New("not a regular file")

// Open opens the regular file at path for reading, following symbolic links. It returns ErrNotRegular, without opening
// it, for any other kind of file.
func Open(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(path, "://") {
		return nil, nil, fmt.Errorf("%w: a URL is not read: download the file first", err)
	}
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is %s: %w", path, kind(info.Mode()), ErrNotRegular)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	return f, info, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a special file"
}
