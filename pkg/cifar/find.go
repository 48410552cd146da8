package cifar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"nndl.example/resnet18/data"
	"nndl.example/resnet18/pkg/internal/userpath"
)

// PathVariable is the environment variable that Find uses if FindOptions.Path is empty.
const PathVariable = "CIFAR10_PATH"

// A Source is an archive or an extracted folder, and where it came from.
type Source struct {
	Path   string
	Layout Layout
	Origin string // "given", "found folder", "found", "found, not a published archive", "downloaded" or "embedded JPEG copy"
}

// String describes the source in one line.
func (s Source) String() string {
	switch s.Origin {
	case embeddedOrigin:
		return fmt.Sprintf("the embedded JPEG copy of CIFAR-10 (rebuilt as %s)", s.Path)
	case foundOrigin:
		return fmt.Sprintf("the official CIFAR-10 archive %s (found, MD5 checked)", s.Path)
	case downloadedOrigin:
		return fmt.Sprintf("the official CIFAR-10 archive %s (downloaded, MD5 checked)", s.Path)
	}
	return fmt.Sprintf("CIFAR-10 from %s (%s, %s layout)", s.Path, s.Origin, s.Layout)
}

// FindOptions says where Find looks.
type FindOptions struct {
	// Path is an archive or an extracted folder of either layout (default: the environment variable CIFAR10_PATH; if that
	// is also empty, Find searches Dir).
	Path string
	// Dir is the folder to search, to download to and to rebuild archives in, such as "work/data".
	Dir string
	// Layout is the layout to search for, download or rebuild (default: Python). Path may have either.
	Layout Layout
	// Download allows the official download, about 170 MB.
	Download bool
	// Progress receives messages for the user (default: none).
	Progress io.Writer

	origin *origins // set by tests; nil means realOrigins
}

// GivenOrigin is the Source.Origin of what the user named.
const GivenOrigin = "given"

// The other values of Source.Origin, besides embeddedOrigin.
const (
	folderOrigin     = "found folder"
	foundOrigin      = "found"
	otherOrigin      = "found, not a published archive"
	downloadedOrigin = "downloaded"
)

// origins are the sources of data outside the user's own folders.
type origins struct {
	site         string // URL of the folder with the archives
	official     map[Layout]official
	stall, every time.Duration // see download
	jpegs        []byte        // nil means data.JPEGArchive
	reader       reader
}

var realOrigins = origins{
	site: "https://www.cs.toronto.edu/~kriz/",
	official: map[Layout]official{
		Python: {md5: "c58f30108f718f92721af3b95e74349a", size: 170498071},
		Binary: {md5: "c32a1d4ab5d03f1284b67883e8d87530", size: 170052171},
	},
	stall:  30 * time.Second,
	every:  5 * time.Second,
	reader: published,
}

// Find returns the first of these:
//
//  1. the archive or extracted folder at o.Path or, if that is empty, at $CIFAR10_PATH; if it is not CIFAR-10, Find returns an
//     error and looks no further;
//  2. a complete extracted folder in o.Dir that Extract did not make, such as one unpacked with tar;
//  3. the official archive in o.Dir, if its MD5 matches;
//  4. what else in o.Dir is complete, if there is only one such thing or all have the same content: the official archive under
//     another name, the other layout, an archive that was unpacked by a browser or packed again;
//  5. if o.Download is set, the official archive, downloaded to o.Dir and checked; an interrupted download is resumed, and
//     one that fails is reported to o.Progress;
//  6. the embedded JPEG copy, rebuilt as an archive in o.Dir/embedded.
//
// Files are read again only if they have changed since the last call. What is in o.Dir but not used is reported to o.Progress. Find does
// not unpack; see Extract. It returns an error if ctx ends.
func Find(ctx context.Context, o FindOptions) (Source, error) {
	if o.Layout == "" {
		o.Layout = Python
	}
	if o.Layout != Python && o.Layout != Binary {
		return Source{}, fmt.Errorf("cifar: unknown layout %q, want %q or %q", string(o.Layout), Python, Binary)
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.origin == nil {
		o.origin = &realOrigins
	}
	if o.Path != "" {
		return given(o.Path, "given")
	}
	switch path, err := userpath.FromEnv(PathVariable); {
	case err != nil:
		return Source{}, fmt.Errorf("cifar: data: %w", err)
	case path != "":
		return given(path, "given by "+PathVariable)
	}
	removeStale(o.Dir)
	removeStale(filepath.Join(o.Dir, embeddedFolder))
	if s, ok := o.findFolder(o.Layout); ok {
		return s, nil
	}
	for _, find := range []func(context.Context) (Source, error){o.findOfficial, o.findOther, o.download} {
		if s, err := find(ctx); err != nil || s.Path != "" {
			return s, err
		}
	}
	return o.rebuild(ctx)
}

// rebuild rebuilds the archive from the embedded copy.
func (o FindOptions) rebuild(ctx context.Context) (Source, error) {
	jpegs, err := o.origin.jpegs, error(nil)
	if jpegs == nil {
		if jpegs, err = data.JPEGArchive(); err != nil {
			return Source{}, err
		}
	}
	path, err := o.origin.reader.rebuild(ctx, jpegs, o.Layout, o.Dir, o.Progress)
	if err != nil {
		return Source{}, withSpaceHint(err)
	}
	return Source{path, o.Layout, embeddedOrigin}, nil
}

// findFolder looks for an extracted folder without a record. One with a record was extracted from an archive.
func (o FindOptions) findFolder(l Layout) (Source, bool) {
	folder := filepath.Join(o.Dir, l.Folder())
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return Source{}, false
	}
	if _, err := os.Lstat(filepath.Join(folder, recordFile)); err == nil {
		return Source{}, false
	}
	if _, err := folderLayout(folder); err != nil {
		fmt.Fprintf(o.Progress, "CIFAR-10: %v: not used\n", err)
		return Source{}, false
	}
	return Source{folder, l, folderOrigin}, true
}

// findOfficial looks for the official archive. The Source is empty if there is none.
func (o FindOptions) findOfficial(ctx context.Context) (Source, error) {
	archive := filepath.Join(o.Dir, o.Layout.Archive())
	switch err := o.origin.official[o.Layout].check(ctx, archive); {
	case err == nil:
		return Source{archive, o.Layout, foundOrigin}, nil
	case ctx.Err() != nil:
		return Source{}, ctx.Err()
	case !errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(o.Progress, "CIFAR-10: %v\n", err)
	}
	return Source{}, nil
}

// download downloads the official archive if it may. The Source is empty if that fails.
func (o FindOptions) download(ctx context.Context) (Source, error) {
	if !o.Download {
		return Source{}, nil
	}
	archive := filepath.Join(o.Dir, o.Layout.Archive())
	if _, err := os.Lstat(archive); err == nil { // findOfficial has said what is wrong with it
		fmt.Fprintf(o.Progress, "CIFAR-10: not downloaded, because it would replace %s; move that file away first\n", archive)
		return Source{}, nil
	}
	d := download{o.origin.official[o.Layout], o.origin.site + o.Layout.Archive(), archive, o.origin.stall, o.origin.every, o.Progress}
	err := d.run(ctx)
	if err == nil {
		return Source{archive, o.Layout, downloadedOrigin}, nil
	}
	if ctx.Err() != nil {
		return Source{}, ctx.Err()
	}
	if s, err := o.findOfficial(ctx); err != nil || s.Path != "" {
		return s, err // another process has downloaded it meanwhile
	}
	fmt.Fprintf(o.Progress, "CIFAR-10: download failed: %v; using the embedded JPEG copy\n", err)
	return Source{}, nil
}

// given examines a path that the user gives. A folder may also be the parent of the extracted folder or of the archive.
func given(path, by string) (Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Source{}, fmt.Errorf("cifar: data %s: %w", by, err)
	}
	if !info.IsDir() {
		l, err := archiveLayout(path)
		if err != nil {
			return Source{}, err
		}
		return Source{path, l, GivenOrigin}, nil
	}
	for _, l := range layouts {
		if info, err := os.Stat(filepath.Join(path, l.Folder())); err == nil && info.IsDir() {
			path = filepath.Join(path, l.Folder())
			break
		}
		if _, err := os.Stat(filepath.Join(path, l.Archive())); err == nil {
			return given(filepath.Join(path, l.Archive()), by)
		}
	}
	l, err := folderLayout(path)
	if err != nil {
		return Source{}, err
	}
	return Source{path, l, GivenOrigin}, nil
}

// archiveLayout reads the beginning of an archive.
func archiveLayout(archive string) (Layout, error) {
	_, l, err := walk(archive, func(Layout, string, []byte) error { return errStop })
	return l, err
}
