package cifar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"nndl.example/resnet18/pkg/internal/filetype"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// A candidate is a file or folder in o.Dir that can be used, but is not what Find looks for first.
type candidate struct {
	Source
	content string // the same for the same content
}

// findOther looks in o.Dir for CIFAR-10 under other names, such as "cifar-10-python (1).tar.gz", unpacked by a browser, packed again, or
// in the other layout. It prefers published archives, and of these the layout of o. It takes what is unambiguous: if the best ones
// differ in content, it names them and takes none. The Source is empty if there is none.
func (o FindOptions) findOther(ctx context.Context) (Source, error) {
	candidates, err := o.candidates(ctx)
	if err != nil || len(candidates) == 0 {
		return Source{}, err
	}
	first := slices.MinFunc(candidates, func(a, b candidate) int { return o.rank(a.Source) - o.rank(b.Source) })
	var names []string
	differ := false
	for _, c := range candidates {
		if o.rank(c.Source) == o.rank(first.Source) {
			names = append(names, c.Path)
			differ = differ || c.content != first.content
		}
	}
	if !differ {
		return first.Source, nil
	}
	fmt.Fprintf(o.Progress, "CIFAR-10: %s: not used, because they differ; to use one, set %s to its path\n", strings.Join(names, ", "), PathVariable)
	return Source{}, nil
}

// rank orders the candidates: published archives of the layout of o, those of the other layout, others.
func (o FindOptions) rank(s Source) int {
	switch {
	case s.Origin != foundOrigin:
		return 2
	case s.Layout != o.Layout:
		return 1
	}
	return 0
}

// candidates examines what is in o.Dir. It tells the user about files that cannot be used.
func (o FindOptions) candidates(ctx context.Context) (found []candidate, err error) {
	for _, l := range layouts {
		if l == o.Layout {
			continue // Find has looked
		}
		if folder, ok := o.findFolder(l); ok {
			found = append(found, candidate{folder, folder.Path})
		}
	}
	entries, _ := os.ReadDir(o.Dir)
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(o.Dir, e.Name())
		if !strings.Contains(strings.ToLower(name), "cifar") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".part") || !hasKnownFormat(path) {
			continue
		}
		c, err := o.examine(ctx, path)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			fmt.Fprintf(o.Progress, "CIFAR-10: %v: not used\n", err)
		default:
			found = append(found, c)
		}
	}
	return found, nil
}

// hasKnownFormat reports whether a file is an archive or another file with a known format, rather than a note in plain text.
func hasKnownFormat(path string) bool {
	start, err := regularfile.Start(path, filetype.Start)
	return err == nil && filetype.Name(start) != filetype.Unknown
}

// examine returns the source that a file is. It reads the file only if it has changed since the last time.
func (o FindOptions) examine(ctx context.Context, path string) (candidate, error) {
	note, err := noteOf(ctx, path)
	if err != nil {
		return candidate{}, err
	}
	for l, published := range o.origin.official {
		if note.MD5 == published.md5 {
			return candidate{Source{path, l, foundOrigin}, note.MD5}, nil
		}
	}
	if note.Layout == "" && note.Problem == "" {
		_, l, err := walk(path, func(l Layout, name string, data []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return o.origin.reader.check(l, name, data)
		})
		if ctx.Err() != nil {
			return candidate{}, ctx.Err()
		}
		if _, ok := errors.AsType[syscall.Errno](err); ok {
			return candidate{}, err // of the disk or the network, not the archive's: the next time it may be gone
		}
		if note.Layout = l; err != nil {
			note.Problem = err.Error()
		}
		note.write(path)
	}
	if note.Problem != "" {
		return candidate{}, fmt.Errorf("%s", note.Problem)
	}
	return candidate{Source{path, note.Layout, otherOrigin}, note.MD5}, nil
}
