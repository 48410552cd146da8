// Package atomicfile replaces files atomically: after a crash or on a full disk a file has either its new content or its
// old.
//
// github.com/google/renameio is not used because it does not support Windows.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Write replaces the file at path with what the function writes, or leaves it as it is if that fails. The new content goes
// to a temporary file in the same folder, named "." + base name + "-" + a random number, which is synced and renamed.
//
// A new file gets the permissions that the umask leaves of 0666; an existing one keeps its own. A symbolic link stays and
// its target is replaced. A device or pipe, such as /dev/stdout, is written to directly.
func Write(path string, write func(io.Writer) error) error {
	if err := replace(path, write); err != nil {
		return fmt.Errorf("writing %s: %w", path, withoutPath(err, path))
	}
	return nil
}

// WriteBytes is Write for content in memory.
func WriteBytes(path string, content []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

func replace(path string, write func(io.Writer) error) error {
	old, err := os.Stat(path)
	if err == nil && !old.Mode().IsRegular() {
		return writeThrough(path, write)
	}
	target, err := followLinks(path)
	if err != nil {
		return err
	}
	if strings.HasPrefix(target, "/proc/") { // a link such as /dev/stdout that leads to an open file
		return writeThrough(path, write)
	}
	f, err := createTemp(target)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil && old != nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	SyncDir(filepath.Dir(target))
	return nil
}

// writeThrough writes to a file that cannot be replaced.
func writeThrough(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// followLinks returns the path that a chain of symbolic links ends at, whether or not there is a file. It does not follow
// the links of /proc, whose text is not always a path.
func followLinks(path string) (string, error) {
	for range 40 {
		link, err := os.Readlink(path)
		if err != nil || strings.HasPrefix(path, "/proc/") {
			return path, nil
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path)
			link = dir + link // not cleaned: dir/../x is elsewhere if dir is a link
		}
		path = link
	}
	return "", errors.New("too many symbolic links")
}

// createTemp is os.CreateTemp with permissions according to the umask.
func createTemp(target string) (*os.File, error) {
	dir, base := filepath.Split(target)
	for range 100 {
		name := fmt.Sprintf("%s.%s-%d", dir, base, rand.Uint32())
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fs.ErrExist
}

// SyncDir makes renames and new files in a folder durable if the system supports it. If not (Windows), a power cut can at
// worst bring back the old files.
func SyncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
}

// withoutPath drops the path, which Write adds, and the name of the temporary file, which means nothing to the user. Errors
// about other files stay whole.
func withoutPath(err error, path string) error {
	own := func(name string) bool {
		return name == path || strings.HasPrefix(filepath.Base(name), "."+filepath.Base(path)+"-")
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok && own(p.Path) {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok && own(l.Old) {
		return l.Err
	}
	return err
}
