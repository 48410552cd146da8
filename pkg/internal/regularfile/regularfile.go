// Package regularfile opens regular files and refuses everything else, because opening a FIFO or a device can block a
// program forever.
package regularfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// ErrNotRegular reports that a path leads to a directory, a FIFO, a device or a socket.
var ErrNotRegular = errors.New("not a regular file")

// Open opens the regular file at path for reading, following symbolic links. It returns ErrNotRegular, without opening
// it, for any other kind of file. The information is that of the open file.
func Open(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(path, "://") {
		return nil, nil, fmt.Errorf("%w: a URL is not read: download the file first", err)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := Check(path, info); err != nil {
		return nil, nil, err
	}
	return open(path)
}

// open opens a file that was regular a moment ago. If somebody has put something else in its place, it does not block.
func open(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = Check(path, info)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// Read returns the content of the regular file at path.
func Read(path string) ([]byte, error) {
	f, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Start returns the first n bytes of the regular file at path, or all of a shorter one.
func Start(path string, n int) ([]byte, error) {
	f, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(n)))
}

// SHA256 returns the digest of the regular file at path in hexadecimal digits.
func SHA256(path string) (string, error) {
	f, _, err := Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// CheckNew returns ErrNotRegular if there is something other than a regular file at path. Use it before creating a file that may exist
// already.
func CheckNew(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // creating the file reports what is wrong, if anything
	}
	return Check(path, info)
}

// Check returns ErrNotRegular unless the information is that of a regular file.
func Check(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%s is %s: %w", path, kind(info.Mode()), ErrNotRegular)
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
