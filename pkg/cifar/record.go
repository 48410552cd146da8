package cifar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/internal/filetype"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// recordFile is kept in an extracted folder and says which archive it came from and what was written.
const recordFile = ".extracted.json"

// A record describes an extracted folder.
type record struct {
	Archive archiveID
	Members []Member
	Files   map[string]writtenFile // by name; records of earlier versions have none
}

// A writtenFile is a file as it was extracted.
type writtenFile struct {
	SHA256 string
	fileStamp
}

// An archiveID tells archives apart. For a gzip file the size and the last 8 bytes are enough, a checksum and the length of the
// unpacked content, so it need not be read. A plain tar ends in zeros.
type archiveID struct {
	Size    int64
	Trailer uint64
	SHA256  string `json:",omitempty"` // of a file that is not gzipped
}

func identify(archive string) (archiveID, error) {
	f, info, err := regularfile.Open(archive)
	if err != nil {
		return archiveID{}, fmt.Errorf("cifar: open archive: %w", err)
	}
	defer f.Close()
	var last [8]byte
	if _, err := f.ReadAt(last[:], max(0, info.Size()-8)); err != nil && err != io.EOF {
		return archiveID{}, fmt.Errorf("cifar: archive %s: %w", archive, err)
	}
	id := archiveID{Size: info.Size(), Trailer: binary.LittleEndian.Uint64(last[:])}
	start, err := regularfile.Start(archive, filetype.Start)
	if err == nil && filetype.Name(start) != filetype.Gzip {
		id.SHA256, err = regularfile.SHA256(archive)
	}
	if err != nil {
		return archiveID{}, fmt.Errorf("cifar: archive %s: %w", archive, err)
	}
	return id, nil
}

// readRecord reads the record of an extracted folder. It reports false if there is none, or one that Extract did not write.
func readRecord(l Layout, folder string) (rec record, ok bool) {
	if !readJSON(filepath.Join(folder, recordFile), &rec) {
		return record{}, false
	}
	listed := map[string]bool{}
	for _, m := range rec.Members {
		name, found := strings.CutPrefix(m.Name, l.Folder()+"/")
		if !found || name != "" && l.maxSize(name) == 0 {
			return record{}, false
		}
		listed[name] = true
		if _, digest := rec.Files[name]; name != "" && !digest {
			return record{}, false
		}
	}
	for name := range rec.Files {
		if !listed[name] {
			return record{}, false
		}
	}
	for _, name := range l.required() {
		if !listed[name] {
			return record{}, false
		}
	}
	return rec, true
}

// changed returns the names of the files that are missing or not as they were extracted. A file with the same stamp is not
// read; the new stamp of one that was touched, but has the same content, is put into the record.
func (rec record) changed(folder string) (names []string, touched bool) {
	for name, f := range rec.Files {
		path := filepath.Join(folder, name)
		now, err := stampFile(path)
		if err == nil && now == f.fileStamp {
			continue
		}
		if name == readmeFile && errors.Is(err, fs.ErrNotExist) {
			continue // nothing reads it
		}
		if err != nil || !hasDigest(path, f.SHA256) {
			names = append(names, name)
			continue
		}
		rec.Files[name] = writtenFile{f.SHA256, now}
		touched = true
	}
	slices.Sort(names)
	return names, touched
}

// extracted returns the record of a folder that holds all that was extracted from an archive.
func extracted(l Layout, folder string, id archiveID) (rec record, ok bool) {
	rec, ok = readRecord(l, folder)
	if !ok || rec.Archive != id {
		return record{}, false
	}
	names, touched := rec.changed(folder)
	if len(names) > 0 {
		return record{}, false
	}
	if touched {
		writeJSON(filepath.Join(folder, recordFile), rec) // if it fails, the files are hashed again next time
	}
	return rec, true
}

// foreignFile returns the name of a file that would be lost if the folder were replaced by fresh files, "" if there is none:
// every file has been written by Extract, according to its digest in the folder's record, or is among the fresh ones.
func foreignFile(l Layout, folder string, fresh map[string]writtenFile) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	rec, _ := readRecord(l, folder)
	for _, e := range entries {
		name := e.Name()
		if isStrayName(name) {
			continue
		}
		sum, err := regularfile.SHA256(filepath.Join(folder, name))
		if err != nil || sum != rec.Files[name].SHA256 && sum != fresh[name].SHA256 {
			return name, nil
		}
	}
	return "", nil
}

// sameFiles reports whether a folder holds the given files and no others, besides a record. The readme may be missing.
func sameFiles(folder string, files map[string]writtenFile) bool {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	missing := len(files)
	if _, err := os.Lstat(filepath.Join(folder, readmeFile)); err != nil && files[readmeFile].SHA256 != "" {
		missing--
	}
	for _, e := range entries {
		f, ok := files[e.Name()]
		switch {
		case ok && hasDigest(filepath.Join(folder, e.Name()), f.SHA256):
			missing--
		case !isStrayName(e.Name()):
			return false
		}
	}
	return missing == 0
}

func hasDigest(path, sum string) bool {
	got, err := regularfile.SHA256(path)
	return err == nil && got == sum
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
		case name != readmeFile || !errors.Is(err, fs.ErrNotExist): // the readme may be missing
			return nil, fmt.Errorf("cifar: folder %s: %w", folder, err)
		}
	}
	return members, nil
}
