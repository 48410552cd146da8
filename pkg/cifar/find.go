package cifar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"nndl.example/resnet18/data"
)

// PathVariable is the environment variable that stands in for FindOptions.Path when that is empty.
const PathVariable = "CIFAR10_PATH"

// A Source says which data is in use.
type Source struct {
	Path   string // an archive or an extracted folder
	Layout Layout
	Origin string // "given", "found", "downloaded" or "embedded JPEG copy"
}

// String describes the source in one line.
func (s Source) String() string {
	switch s.Origin {
	case embeddedOrigin:
		return fmt.Sprintf("the embedded JPEG copy of CIFAR-10 (rebuilt as %s)", s.Path)
	case "found":
		return fmt.Sprintf("the official CIFAR-10 archive %s (found, MD5 checked)", s.Path)
	case "downloaded":
		return fmt.Sprintf("the official CIFAR-10 archive %s (downloaded, MD5 checked)", s.Path)
	}
	return fmt.Sprintf("CIFAR-10 from %s (%s, %s layout)", s.Path, s.Origin, s.Layout)
}

// FindOptions say where to look.
type FindOptions struct {
	// Path is an archive or an extracted folder of either layout. If it is empty, the environment
	// variable CIFAR10_PATH takes its place; if that is empty too, Find searches.
	Path string
	// Dir is where archives are looked for, downloaded to and rebuilt, such as "work/data".
	Dir string
	// Layout is the layout to look for, download or rebuild; "" means python. What Path names may
	// have either.
	Layout Layout
	// Download allows the official download, about 170 MB.
	Download bool
	// Progress gets lines for people; nil means none.
	Progress io.Writer

	origin *origins // tests set it; nil means the real ones
}

// origins are the places that data can come from.
type origins struct {
	site         string // URL of the folder with the archives
	official     map[Layout]official
	stall, every time.Duration // see download
	jpegs        []byte
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
	jpegs:  data.JPEGArchive,
	reader: published,
}

// Find returns the first of these:
//
//  1. what o.Path or else the environment variable CIFAR10_PATH names, an archive or an extracted
//     folder; if that is wrong, Find gives an error and looks no further;
//  2. the official archive in o.Dir, if its MD5 is right;
//  3. if o.Download is set, the official archive, downloaded to o.Dir and checked; a download that
//     broke off is continued, and one that fails is reported to o.Progress;
//  4. the embedded JPEG copy, rebuilt as an archive in o.Dir/embedded.
//
// It does not unpack anything; see Extract. It returns an error if the context ends.
func Find(ctx context.Context, o FindOptions) (Source, error) {
	if o.Layout == "" {
		o.Layout = Python
	}
	if o.Layout != Python && o.Layout != Binary {
		return Source{}, fmt.Errorf("cifar: unknown layout %q: want %q or %q", string(o.Layout), Python, Binary)
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.origin == nil {
		o.origin = &realOrigins
	}
	path, by := o.Path, "given"
	if path == "" {
		path, by = os.Getenv(PathVariable), "given by "+PathVariable
	}
	if path != "" {
		return given(path, by)
	}

	archive := filepath.Join(o.Dir, o.Layout.Archive())
	published := o.origin.official[o.Layout]
	switch err := published.check(ctx, archive); {
	case err == nil:
		return Source{archive, o.Layout, "found"}, nil
	case ctx.Err() != nil:
		return Source{}, ctx.Err()
	case !errors.Is(err, os.ErrNotExist):
		fmt.Fprintf(o.Progress, "CIFAR-10: %v: not used\n", err)
	}

	if o.Download {
		d := download{published, o.origin.site + o.Layout.Archive(), archive, o.origin.stall, o.origin.every, o.Progress}
		err := d.run(ctx)
		if err == nil {
			return Source{archive, o.Layout, "downloaded"}, nil
		}
		if ctx.Err() != nil {
			return Source{}, ctx.Err()
		}
		fmt.Fprintf(o.Progress, "CIFAR-10: the download failed: %v; the embedded JPEG copy is used\n", err)
	}

	path, err := o.origin.reader.rebuild(ctx, o.origin.jpegs, o.Layout, o.Dir, o.Progress)
	if err != nil {
		return Source{}, needsRoom(err)
	}
	return Source{path, o.Layout, embeddedOrigin}, nil
}

// given examines a path that the user gives. A folder may also be the one that holds the extracted
// folder or the archive.
func given(path, by string) (Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Source{}, fmt.Errorf("cifar: the data %s: %w", by, err)
	}
	if !info.IsDir() {
		l, err := archiveLayout(path)
		if err != nil {
			return Source{}, err
		}
		return Source{path, l, "given"}, nil
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
	return Source{path, l, "given"}, nil
}

// archiveLayout looks at the beginning of an archive.
func archiveLayout(archive string) (Layout, error) {
	_, l, err := walk(archive, func(Layout, string, []byte) error { return errStop })
	return l, err
}
