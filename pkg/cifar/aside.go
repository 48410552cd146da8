package cifar

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// An aside is a temporary folder in which something is built before it is renamed to its place. A lock in it, which the
// operating system frees when the process ends in whatever way, shows others that it is in use.
type aside struct {
	dir  string
	lock *flock.Flock
}

const (
	asidePrefix = ".cifar-aside-"
	asideLock   = "lock"
	asideNew    = "new" // the folder that is being extracted
	asideOld    = "old" // the folder that it replaces
)

// newAside creates an aside in a folder, which it creates if needed, and removes those of killed processes.
func newAside(parent string) (*aside, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	removeStale(parent)
	for range 10 {
		dir, err := os.MkdirTemp(parent, asidePrefix+"*")
		if err != nil {
			return nil, err
		}
		a := &aside{dir, flock.New(filepath.Join(dir, asideLock))}
		ok, err := a.lock.TryLock()
		if _, gone := os.Stat(a.lock.Path()); ok && gone == nil {
			return a, nil
		}
		a.remove() // another process took it for stale before it was locked
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no temporary folder in %s could be locked", parent)
}

func (a *aside) path(name string) string { return filepath.Join(a.dir, name) }

func (a *aside) remove() {
	a.lock.Close()
	os.RemoveAll(a.dir)
}

// removeStale removes the asides that killed processes have left in a folder. It leaves alone what is in use, and what has
// the name of an aside but contains anything that an aside does not.
func removeStale(parent string) {
	entries, _ := os.ReadDir(parent)
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		if e.IsDir() && strings.HasPrefix(e.Name(), asidePrefix) && isAside(dir) {
			removeUnused(dir)
		}
	}
}

// isAside reports whether a folder contains nothing but what this package writes to an aside.
func isAside(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir() && (name == asideNew || name == asideOld):
			if !onlyDataFiles(filepath.Join(dir, name)) {
				return false
			}
		case !e.Type().IsRegular(), name != asideLock && name != "note" && name != Python.Archive()+".part" && name != Binary.Archive()+".part":
			return false // earlier versions wrote a file "note"
		}
	}
	return true
}

// onlyDataFiles reports whether a folder contains nothing but files with the names of CIFAR-10's and the record.
func onlyDataFiles(folder string) bool {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || name != recordFile && Python.maxSize(name) == 0 && Binary.maxSize(name) == 0 {
			return false
		}
	}
	return err == nil
}

// removeUnused removes an aside unless the process that made it may still be running. It holds the aside's lock until the files
// are gone, so its maker cannot lock it in between. Earlier versions made asides without a lock, which are in use for an hour
// at most.
func removeUnused(dir string) {
	lock := filepath.Join(dir, asideLock)
	if _, err := os.Stat(lock); err != nil {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) >= time.Hour {
			os.RemoveAll(dir)
		}
		return
	}
	l := flock.New(lock)
	if ok, err := l.TryLock(); err == nil && ok {
		os.RemoveAll(dir)
	}
	l.Close()
	if runtime.GOOS == "windows" { // which does not remove open files
		os.Remove(lock)
		os.Remove(dir)
	}
}
