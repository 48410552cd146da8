package cifar

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// official describes a published archive.
type official struct {
	md5  string
	size int64
}

// An archiveNote is kept beside an archive that was checked, so that it need not be read again until it changes.
type archiveNote struct {
	MD5     string
	Layout  Layout `json:",omitempty"` // of a complete archive that is not a published one
	Problem string `json:",omitempty"` // why it cannot be used
	fileStamp
}

// noteOf returns the note of a file, with its digest at least.
func noteOf(ctx context.Context, name string) (archiveNote, error) {
	stamp, err := stampFile(name)
	if err != nil {
		return archiveNote{}, err
	}
	var note archiveNote
	if readJSON(noteFile(name), &note) && note.MD5 != "" && note.fileStamp == stamp {
		return note, nil
	}
	sum, err := hashFile(ctx, name, md5.New())
	if err != nil {
		return archiveNote{}, err
	}
	note = archiveNote{MD5: sum, fileStamp: stamp}
	note.write(name)
	return note, nil
}

// write puts the note beside its archive, unless there is a file of that name that is not a note. If that fails, the archive is read
// again next time.
func (n archiveNote) write(archive string) {
	var old archiveNote
	_, err := os.Lstat(noteFile(archive))
	if errors.Is(err, fs.ErrNotExist) || readJSON(noteFile(archive), &old) && old.MD5 != "" {
		writeJSON(noteFile(archive), n)
	}
}

// check returns nil if a file is the published archive.
func (o official) check(ctx context.Context, name string) error {
	note, err := noteOf(ctx, name)
	if err != nil {
		return err
	}
	return o.compare(name, note.MD5)
}

// checkContent is check for a file that has no note.
func (o official) checkContent(ctx context.Context, name string) error {
	sum, err := hashFile(ctx, name, md5.New())
	if err != nil {
		return err
	}
	return o.compare(name, sum)
}

func (o official) compare(name, sum string) error {
	if sum != o.md5 {
		return fmt.Errorf("%w: %s has MD5 %s, the official archive has %s", ErrCorrupt, name, sum, o.md5)
	}
	return nil
}
