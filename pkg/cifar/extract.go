package cifar

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// recordFile is kept in an extracted folder and says which archive it came from.
const recordFile = ".extracted.json"

// A record describes an extracted folder.
type record struct {
	Archive archiveID
	Members []Member
}

// An archiveID tells archives apart without reading them: the size of the file and its last 8
// bytes, in which gzip keeps a checksum and the length of what it unpacks to.
type archiveID struct {
	Size    int64
	Trailer uint64
}

func identify(archive string) (archiveID, error) {
	f, err := os.Open(archive)
	if err != nil {
		return archiveID{}, fmt.Errorf("cifar: open archive: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return archiveID{}, fmt.Errorf("cifar: archive %s: %w", archive, err)
	}
	var last [8]byte
	if _, err := f.ReadAt(last[:], max(0, info.Size()-8)); err != nil && err != io.EOF {
		return archiveID{}, fmt.Errorf("cifar: archive %s: %w", archive, err)
	}
	return archiveID{info.Size(), binary.LittleEndian.Uint64(last[:])}, nil
}

// Extract unpacks an archive of either layout into dir, as "tar -xvf archive -C dir" does, and
// returns the folder that it made, dir/cifar-10-batches-py or dir/cifar-10-batches-bin, and the
// archive's members in their order. It makes dir if there is none.
//
// The archive is unpacked beside its place, every file is checked as Load checks it, and then the
// folder is renamed: at no time is there a folder of that name that is not complete. If the folder
// is there and came from this archive, Extract leaves it and returns the same listing; a folder of
// the same name with other contents of CIFAR-10 is replaced; one with anything else in it is an error.
//
// If archive is a folder that has been extracted already, there is nothing to unpack: Extract returns it and its files.
//
// An error says which archive and which member is wrong and what to do. It leaves nothing behind.
func Extract(archive, dir string) (folder string, members []Member, err error) {
	return published.extract(archive, dir)
}

func (r reader) extract(archive, dir string) (folder string, members []Member, err error) {
	defer func() { err = needsRoom(err) }()
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
		if rec, ok := readRecord(l, folder); ok && rec.Archive == id {
			return folder, rec.Members, nil
		}
	}

	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("cifar: folder to extract to: %w", err)
	}
	removeStale(dir)
	aside, err := os.MkdirTemp(dir, asidePrefix+"*")
	if err != nil {
		return "", nil, fmt.Errorf("cifar: folder to extract to: %w", err)
	}
	defer os.RemoveAll(aside)
	fresh := filepath.Join(aside, "new")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return "", nil, fmt.Errorf("cifar: extract: %w", err)
	}

	members, l, err := walk(archive, func(l Layout, name string, data []byte) error {
		if err := r.check(l, name, data); err != nil {
			return err
		}
		if err := writeSynced(filepath.Join(fresh, name), data); err != nil {
			return &visitError{err}
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	text, err := json.MarshalIndent(record{id, members}, "", "\t")
	if err != nil {
		return "", nil, fmt.Errorf("cifar: extract: %w", err)
	}
	if err := writeSynced(filepath.Join(fresh, recordFile), text); err != nil {
		return "", nil, fmt.Errorf("cifar: extract: %w", err)
	}
	folder = filepath.Join(dir, l.Folder())
	faster := func() bool { // another program has extracted the archive meanwhile
		rec, ok := readRecord(l, folder)
		return ok && rec.Archive == id
	}
	if faster() {
		return folder, members, nil
	}
	if err := place(l, fresh, folder, filepath.Join(aside, "old")); err != nil && !faster() {
		return "", nil, err
	}
	return folder, members, nil
}

// folderMembers lists an extracted folder as the archive would be listed.
func folderMembers(folder string) ([]Member, error) {
	l, err := folderLayout(folder)
	if err != nil {
		return nil, err
	}
	members := []Member{{l.Folder() + "/", 0}}
	for _, name := range l.order() {
		info, err := os.Stat(filepath.Join(folder, name))
		switch {
		case err == nil:
			members = append(members, Member{l.Folder() + "/" + name, info.Size()})
		case name != readmeFile || !errors.Is(err, fs.ErrNotExist): // nobody needs the readme
			return nil, fmt.Errorf("cifar: folder %s: %w", folder, err)
		}
	}
	return members, nil
}

// place renames fresh to folder. What is there is moved to old first, if it is the layout's.
func place(l Layout, fresh, folder, old string) error {
	info, err := os.Lstat(folder)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return fmt.Errorf("cifar: extract: %w", err)
	case !info.IsDir():
		return fmt.Errorf("cifar: extract to %s: there is something there that is not a folder; move it away", folder)
	default:
		entries, err := os.ReadDir(folder)
		if err != nil {
			return fmt.Errorf("cifar: extract: %w", err)
		}
		for _, e := range entries {
			if e.Name() != recordFile && l.maxSize(e.Name()) == 0 {
				return fmt.Errorf("cifar: extract to %s: the folder is there and holds %q, which is not"+
					" part of CIFAR-10; move it away or extract to another folder", folder, e.Name())
			}
		}
		if err := os.Rename(folder, old); err != nil {
			return fmt.Errorf("cifar: extract: %w", err)
		}
	}
	if err := os.Rename(fresh, folder); err != nil {
		os.Rename(old, folder) // as it was
		return fmt.Errorf("cifar: extract: %w", err)
	}
	syncFolder(filepath.Dir(folder))
	return nil
}

// readRecord reads a folder's record. It is not ok if a file is missing or has another size.
func readRecord(l Layout, folder string) (rec record, ok bool) {
	text, err := readFile(filepath.Join(folder, recordFile), maxSmallFile)
	if err != nil || json.Unmarshal(text, &rec) != nil {
		return record{}, false
	}
	for _, m := range rec.Members {
		name, found := strings.CutPrefix(m.Name, l.Folder()+"/")
		if !found || name != "" && l.maxSize(name) == 0 {
			return record{}, false
		}
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.IsDir() != (name == "") || name != "" && info.Size() != m.Size {
			return record{}, false
		}
	}
	for _, name := range l.required() {
		name = l.Folder() + "/" + name
		if !slices.ContainsFunc(rec.Members, func(m Member) bool { return m.Name == name }) {
			return record{}, false
		}
	}
	return rec, true
}

// asidePrefix begins the names of what is written aside. A program that is killed leaves it there,
// and the next one clears it away when it is old enough to belong to nobody.
const asidePrefix = ".cifar-aside-"

func removeStale(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), asidePrefix) && time.Since(info.ModTime()) > time.Hour {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

// writeSynced writes a new file and waits until it is on the disk, so that a rename that follows
// cannot be there before the content.
func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes a rename in the folder last. Not every system can, and none needs it to go on.
func syncFolder(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
}

// needsRoom says what to do about an error in writing.
func needsRoom(err error) error {
	var failed *fs.PathError
	var renamed *os.LinkError
	if errors.As(err, &failed) && !errors.Is(err, fs.ErrNotExist) || errors.As(err, &renamed) {
		return fmt.Errorf("%w; this needs a folder that can be written to, with 200 MB free", err)
	}
	return err
}

// readFile reads a regular file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", name, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(f, data)
	return data, err
}
