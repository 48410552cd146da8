package cifar

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nndl.example/resnet18/pkg/internal/atomicfile"
)

const embeddedOrigin = "embedded JPEG copy"

// rebuiltMark is part of the readme.html of a rebuilt archive, so that the data says what it is wherever it is copied.
const rebuiltMark = "rebuilt from a JPEG copy"

const readmeText = "<html><body>CIFAR-10 (Alex Krizhevsky, 2009), " + rebuiltMark +
	": pixels differ a little from the published ones.</body></html>\n"

// embeddedFolder keeps rebuilt archives apart from the official ones, which have the same names. What is in it is ours.
const embeddedFolder = "embedded"

// A rebuiltNote is kept beside a rebuilt archive and tells whether it is complete and up to date.
type rebuiltNote struct {
	From   string // identifies the JPEG copy
	SHA256 string // of the archive
	fileStamp
}

func noteFile(archive string) string { return archive + ".json" }

// rebuild writes the archive of a layout from the JPEG copy to dir/embedded, unless it is there and complete, and returns
// its path.
func (r reader) rebuild(ctx context.Context, jpegs []byte, l Layout, dir string, progress io.Writer) (string, error) {
	dir = filepath.Join(dir, embeddedFolder)
	path := filepath.Join(dir, l.Archive())
	from := identifyCopy(jpegs)
	complete, err := isComplete(ctx, path, from)
	if err != nil {
		return "", err
	}
	if complete {
		removeStale(dir)
		return path, nil
	}
	fmt.Fprintf(progress, "CIFAR-10: rebuilding %s from the embedded JPEG copy (once; a few seconds, 190 MB)\n", path)
	a, err := newAside(dir)
	if err != nil {
		return "", fmt.Errorf("cifar: folder for the rebuilt archive: %w", err)
	}
	defer a.remove()
	part := a.path(l.Archive() + ".part")
	note := rebuiltNote{From: from}
	if note.SHA256, err = r.writeArchiveFile(ctx, part, jpegs, l); err != nil {
		return "", fmt.Errorf("cifar: rebuild %s: %w", path, err)
	}
	// If the process ends between these steps, the note does not match the archive, which is then rebuilt again.
	if err := os.Rename(part, path); err != nil {
		return "", fmt.Errorf("cifar: rebuild archive: %w", err)
	}
	if note.fileStamp, err = stampFile(path); err != nil {
		return "", fmt.Errorf("cifar: rebuild archive: %w", err)
	}
	if err := writeJSON(noteFile(path), note); err != nil {
		return "", fmt.Errorf("cifar: rebuild archive: %w", err)
	}
	atomicfile.SyncDir(dir)
	return path, nil
}

// identifyCopy identifies the JPEG copy by its length and gzip's checksum of its content, without reading all of it.
func identifyCopy(jpegs []byte) string {
	return fmt.Sprintf("%d-%x", len(jpegs), jpegs[max(0, len(jpegs)-8):])
}

// isComplete reports whether a rebuilt archive is the one that its note describes. It hashes the archive only if its stamp
// has changed. The error is the context's.
func isComplete(ctx context.Context, archive, from string) (bool, error) {
	var note rebuiltNote
	if !readJSON(noteFile(archive), &note) || note.From != from {
		return false, ctx.Err()
	}
	stamp, err := stampFile(archive)
	if err != nil || stamp.Size != note.Size {
		return false, ctx.Err()
	}
	if stamp == note.fileStamp {
		return true, ctx.Err()
	}
	sum, err := hashFile(ctx, archive, sha256.New())
	if err != nil || sum != note.SHA256 {
		return false, ctx.Err()
	}
	note.fileStamp = stamp
	writeJSON(noteFile(archive), note) // if it fails, the archive is hashed again next time
	return true, nil
}

// writeArchiveFile writes an archive to a new file and returns its SHA-256.
func (r reader) writeArchiveFile(ctx context.Context, name string, jpegs []byte, l Layout) (sum string, err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	err = r.writeArchive(ctx, io.MultiWriter(f, h), jpegs, l)
	if err == nil {
		err = f.Sync()
	}
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// order lists the files in the order of the published archives.
func (l Layout) order() []string {
	if l == Binary {
		return []string{"data_batch_1.bin", "batches.meta.txt", "data_batch_3.bin", "data_batch_4.bin",
			"test_batch.bin", "readme.html", "data_batch_5.bin", "data_batch_2.bin"}
	}
	return []string{"data_batch_4", "readme.html", "test_batch", "data_batch_3", "batches.meta",
		"data_batch_2", "data_batch_5", "data_batch_1"}
}

// writeArchive writes the archive of a layout. All 60,000 images are in the published order; the "filenames" of the python
// layout are invented; the rest has the published structure, down to the pickle opcodes that Python 2 wrote. The same input
// gives the same bytes.
func (r reader) writeArchive(ctx context.Context, w io.Writer, jpegs []byte, l Layout) error {
	batches, err := r.readJPEGs(jpegs)
	if err != nil {
		return err
	}
	// Compressing photographs would save little and take longer than everything else.
	z, err := gzip.NewWriterLevel(w, gzip.NoCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	folder := l.Folder() + "/"
	if err := addMember(t, folder, nil); err != nil {
		return err
	}
	for _, name := range l.order() {
		if err := ctx.Err(); err != nil {
			return err
		}
		data := []byte(readmeText)
		if id := l.batchID(name); id != 0 {
			im, err := decodeJPEGs(batches[id])
			if err != nil {
				return err
			}
			data = r.encodeBatch(l, id, im, batches[id])
		} else if name == l.metaFile() {
			data = r.encodeMeta(l)
		}
		if err := addMember(t, folder+name, data); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func addMember(t *tar.Writer, name string, data []byte) error {
	h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: published2009}
	if strings.HasSuffix(name, "/") {
		h.Mode, h.Typeflag = 0o755, tar.TypeDir
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}

// published2009 is the modification time in the rebuilt archives: fixed, so that every rebuild gives the same bytes.
var published2009 = time.Unix(1244160000, 0)
