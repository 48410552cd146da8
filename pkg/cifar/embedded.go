package cifar

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

const embeddedOrigin = "embedded JPEG copy"

// rebuiltMark stands in the readme.html of a rebuilt archive, so that the data says what it is
// wherever it goes.
const rebuiltMark = "rebuilt from a JPEG copy"

// embeddedFolder keeps rebuilt archives apart from the official ones, whose names they share.
const embeddedFolder = "embedded"

// A rebuilt stands beside a rebuilt archive and says what it is and whether it is whole.
type rebuilt struct {
	From   string // SHA-256 of the JPEG copy
	SHA256 string // of the archive
	Size   int64
}

// rebuild writes the archive of a layout from the JPEG copy to dir/embedded, unless it is there and
// whole, and returns its path.
func (r reader) rebuild(ctx context.Context, jpegs []byte, l Layout, dir string, progress io.Writer) (string, error) {
	dir = filepath.Join(dir, embeddedFolder)
	path := filepath.Join(dir, l.Archive())
	from := sha256.Sum256(jpegs)
	note := rebuilt{From: hex.EncodeToString(from[:])}
	if isWhole(path, note.From) {
		return path, nil
	}
	fmt.Fprintf(progress, "CIFAR-10: rebuilding %s from the embedded JPEG copy (once; a few seconds, 190 MB)\n", path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cifar: folder for the rebuilt archive: %w", err)
	}
	removeStale(dir)
	aside, err := os.MkdirTemp(dir, asidePrefix+"*")
	if err != nil {
		return "", fmt.Errorf("cifar: folder for the rebuilt archive: %w", err)
	}
	defer os.RemoveAll(aside)

	f, err := os.Create(filepath.Join(aside, l.Archive()+".part"))
	if err != nil {
		return "", fmt.Errorf("cifar: rebuild archive: %w", err)
	}
	defer f.Close() // a second Close does no harm
	h := sha256.New()
	if err := r.writeArchive(ctx, io.MultiWriter(f, h), jpegs, l); err != nil {
		return "", fmt.Errorf("cifar: rebuild %s: %w", path, err)
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("cifar: rebuild %s: %w", path, err)
	}
	note.SHA256, note.Size = hex.EncodeToString(h.Sum(nil)), info.Size()
	text, err := json.MarshalIndent(note, "", "\t")
	if err != nil {
		return "", fmt.Errorf("cifar: rebuild %s: %w", path, err)
	}
	if err := writeSynced(filepath.Join(aside, "note"), text); err != nil {
		return "", fmt.Errorf("cifar: rebuild %s: %w", path, err)
	}
	// Whatever comes between these two, the note does not fit the archive and it is rebuilt again.
	if err := os.Rename(f.Name(), path); err != nil {
		return "", fmt.Errorf("cifar: rebuild archive: %w", err)
	}
	if err := os.Rename(filepath.Join(aside, "note"), noteFile(path)); err != nil {
		return "", fmt.Errorf("cifar: rebuild archive: %w", err)
	}
	syncFolder(dir)
	return path, nil
}

func noteFile(archive string) string { return archive + ".json" }

// isWhole reports whether the archive is the one that its note describes.
func isWhole(archive, from string) bool {
	text, err := readFile(noteFile(archive), maxSmallFile)
	var note rebuilt
	if err != nil || json.Unmarshal(text, &note) != nil || note.From != from {
		return false
	}
	f, err := os.Open(archive)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() != note.Size {
		return false
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && hex.EncodeToString(h.Sum(nil)) == note.SHA256
}

// A jpegImage is a member of the JPEG copy.
type jpegImage struct {
	label uint8
	name  string // without ".jpg"
	data  []byte
}

// readJPEGs lists the members of the JPEG copy by batch, 1 to 6, without decoding them.
func (r reader) readJPEGs(archive []byte) (map[int][]jpegImage, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("JPEG copy: %w", explain(err))
	}
	batches := map[int][]jpegImage{}
	index := 0
	for t := tar.NewReader(z); ; index++ {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("JPEG copy: %w", explain(err))
		}
		batch := index/r.batchLen + 1
		split, at := "train", index
		if batch >= testBatch {
			split, at = "test", index-5*r.batchLen
		}
		name := strings.TrimSuffix(filepath.Base(h.Name), ".jpg")
		_, class, _ := strings.Cut(name, "_")
		label := -1
		for i, c := range Classes {
			if c == class {
				label = i
			}
		}
		if want := fmt.Sprintf("%s/%05d_%s.jpg", split, at, class); label < 0 || batch > testBatch || h.Name != want {
			return nil, fmt.Errorf("JPEG copy: member %q out of place, want %q", h.Name, want)
		}
		data, err := io.ReadAll(io.LimitReader(t, maxSmallFile))
		if err != nil {
			return nil, fmt.Errorf("JPEG copy: %s: %w", h.Name, explain(err))
		}
		batches[batch] = append(batches[batch], jpegImage{uint8(label), name, data})
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // the checksum is at the end
		return nil, fmt.Errorf("JPEG copy: %w", explain(err))
	}
	if want := len(allBatches) * r.batchLen; index != want {
		return nil, fmt.Errorf("JPEG copy: %d images, want %d", index, want)
	}
	return batches, nil
}

// decodeJPEGs decodes one batch, on all processors.
func decodeJPEGs(in []jpegImage) (images, error) {
	im := images{make([]uint8, len(in)), make([]uint8, len(in)*ImageSize)}
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(in) && errs[w] == nil; i += workers {
				im.labels[i] = in[i].label
				if err := decodeJPEG(im.planes[i*ImageSize:][:ImageSize], in[i].data); err != nil {
					errs[w] = fmt.Errorf("JPEG copy: %s: %w", in[i].name, err)
				}
			}
		})
	}
	wg.Wait()
	return im, errors.Join(errs...)
}

// decodeJPEG writes the three planes of an image to chw.
func decodeJPEG(chw, data []byte) error {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if size := img.Bounds(); size != image.Rect(0, 0, Width, Height) {
		return fmt.Errorf("an image of %d×%d pixels, want %d×%d", size.Dx(), size.Dy(), Width, Height)
	}
	ycc, ok := img.(*image.YCbCr)
	if !ok {
		return fmt.Errorf("a JPEG with the colours of %T, want YCbCr", img)
	}
	for p := range Height * Width {
		c := ycc.YCbCrAt(p%Width, p/Width)
		chw[p], chw[1024+p], chw[2048+p] = color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
	}
	return nil
}

// published2009 is the modification time in the rebuilt archives: fixed, so that every rebuild gives
// the same bytes.
var published2009 = time.Unix(1244160000, 0)
