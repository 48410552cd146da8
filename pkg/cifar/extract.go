package cifar

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"nndl.example/resnet18/pkg/internal/atomicfile"
)

// Extract unpacks an archive of either layout into dir, as "tar -xvf archive -C dir" does, and returns the folder,
// dir/cifar-10-batches-py or dir/cifar-10-batches-bin, and the archive's members in order. It creates dir if needed.
//
// The archive is unpacked to a temporary folder in dir, every file is checked as Load checks it, and then the folder is
// renamed: a folder of the final name is always complete.
//
// If the folder already exists with the archive's files, Extract leaves it alone and returns the same listing. It replaces a
// folder only if Extract wrote every file in it and none has changed since; otherwise it returns ErrNotOurs and leaves the
// folder as it is.
//
// If archive is an extracted folder, there is nothing to unpack: Extract returns it and its files.
//
// An error names the archive and the member, says what to do, and wraps ErrCorrupt, ErrOtherData, ErrNotFound or ErrNotOurs
// where one applies. After an error no new files remain.
func Extract(archive, dir string) (folder string, members []Member, err error) {
	return published.extract(archive, dir)
}

func (r reader) extract(archive, dir string) (folder string, members []Member, err error) {
	if info, err := os.Stat(archive); err == nil && info.IsDir() {
		if members, err = folderMembers(archive); err != nil {
			return "", nil, err
		}
		return archive, members, nil
	}
	id, err := identify(archive)
	if err != nil {
		return "", nil, err
	}
	for _, l := range layouts {
		folder := filepath.Join(dir, l.Folder())
		if rec, ok := extracted(l, folder, id); ok {
			removeStale(dir)
			return folder, rec.Members, nil
		}
	}
	folder, members, err = r.unpack(archive, id, dir)
	return folder, members, withSpaceHint(err)
}

// unpack extracts an archive to an aside in dir and moves the folder to its place.
func (r reader) unpack(archive string, id archiveID, dir string) (string, []Member, error) {
	a, err := newAside(dir)
	if err != nil {
		return "", nil, fmt.Errorf("cifar: folder to extract to: %w", err)
	}
	defer a.remove()
	fresh := a.path(asideNew)
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return "", nil, fmt.Errorf("cifar: extract: %w", err)
	}
	rec := record{Archive: id, Files: map[string]writtenFile{}}
	members, l, err := walk(archive, func(l Layout, name string, data []byte) error {
		if err := r.check(l, name, data); err != nil {
			return err
		}
		written, err := writeNew(filepath.Join(fresh, name), data)
		if err != nil {
			return &visitError{err}
		}
		rec.Files[name] = written
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	rec.Members = members
	text, err := json.MarshalIndent(rec, "", "\t")
	if err == nil { // under its own name from the start: the folder is new, and one with other files would not be cleaned up
		err = writeSynced(filepath.Join(fresh, recordFile), text)
	}
	if err != nil {
		return "", nil, fmt.Errorf("cifar: extract: %w", err)
	}
	folder := filepath.Join(dir, l.Folder())
	if err := place(l, a, folder, rec); err != nil {
		if _, ok := extracted(l, folder, id); !ok { // else another process has extracted the archive meanwhile
			return "", nil, err
		}
	}
	return folder, members, nil
}

func writeNew(path string, data []byte) (writtenFile, error) {
	if err := writeSynced(path, data); err != nil {
		return writtenFile{}, err
	}
	stamp, err := stampFile(path)
	sum := sha256.Sum256(data)
	return writtenFile{hex.EncodeToString(sum[:]), stamp}, err
}

// place renames the new folder of an aside to folder, unless the same files are there already. What is there is moved to the
// aside first, if all of it was written by Extract.
func place(l Layout, a *aside, folder string, rec record) error {
	info, err := os.Lstat(folder)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("cifar: extract to %s: %w: it is not a folder; move it away", folder, ErrNotOurs)
	}
	if err == nil {
		if sameFiles(folder, rec.Files) {
			return adopt(folder, rec)
		}
		name, err := foreignFile(l, folder, rec.Files)
		if err != nil {
			return fmt.Errorf("cifar: extract: %w", err)
		}
		if name != "" {
			return fmt.Errorf("cifar: extract to %s: the folder contains a file %q that was %w, or has changed since;"+
				" move the folder away, or set %s to it to use it", folder, name, ErrNotOurs, PathVariable)
		}
		if err := os.Rename(folder, a.path(asideOld)); err != nil {
			return fmt.Errorf("cifar: extract: %w", err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cifar: extract: %w", err)
	}
	if err := os.Rename(a.path(asideNew), folder); err != nil {
		os.Rename(a.path(asideOld), folder)
		return fmt.Errorf("cifar: extract: %w", err)
	}
	atomicfile.SyncDir(filepath.Dir(folder))
	return nil
}

// adopt renews the record of a folder that holds the archive's files. A folder without a record was not made by Extract and
// gets none.
func adopt(folder string, rec record) error {
	path := filepath.Join(folder, recordFile)
	if _, err := os.Lstat(path); err != nil {
		return nil
	}
	for name, f := range rec.Files {
		stamp, err := stampFile(filepath.Join(folder, name))
		if err != nil && name != readmeFile {
			return fmt.Errorf("cifar: extract: %w", err)
		}
		rec.Files[name] = writtenFile{f.SHA256, stamp}
	}
	if err := writeJSON(path, rec); err != nil {
		return fmt.Errorf("cifar: extract: %w", err)
	}
	return nil
}
