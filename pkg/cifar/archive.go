package cifar

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/internal/filetype"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// A Member is a file or folder in an archive, as "tar -tvf" lists it.
type Member struct {
	Name string // with slashes; a folder's name ends in one
	Size int64  // bytes; 0 for a folder
}

const archiveAdvice = "download the archive again from https://www.cs.toronto.edu/~kriz/cifar.html" +
	" (or move this file away to use the copy embedded in this program)"

// errStop lets a visitor end a walk early without an error.
var errStop = errors.New("stop")

// A visitor sees the files of an archive one by one: the name inside the archive's folder and the content, which is valid
// only during the call.
type visitor func(l Layout, name string, data []byte) error

// walk reads a tar archive, gzipped or not, of either layout from end to end, including the checksums, and visits its files. It
// accepts exactly what the published archives contain: one folder and, in it, each file at most once, none missing, none
// larger than is reasonable. Anything else is an error.
func walk(archive string, visit visitor) ([]Member, Layout, error) {
	f, info, err := regularfile.Open(archive)
	if err != nil {
		return nil, "", fmt.Errorf("cifar: open archive: %w", err)
	}
	defer f.Close()
	// Of files such as /proc/kmsg, of size 0, a read may wait for ever.
	members, layout, err := walkReader(io.LimitReader(f, info.Size()), visit)
	if err != nil && err != errStop {
		var own *visitError
		if errors.As(err, &own) {
			return nil, "", fmt.Errorf("cifar: archive %s: %w", archive, own.error)
		}
		return nil, "", fmt.Errorf("cifar: archive %s: %w; %s", archive, corrupt(err), archiveAdvice)
	}
	return members, layout, nil
}

// A visitError marks an error that is not the archive's fault, such as a full disk.
type visitError struct{ error }

func (e *visitError) Unwrap() error { return e.error }

// A walker reads the members of an archive.
type walker struct {
	limited *io.LimitedReader // the tar stream, up to what its next part may take
	tar     *tar.Reader
	layout  Layout // "" before the first member
	members []Member
	starts  starts
	data    bytes.Buffer
}

func walkReader(f io.Reader, visit visitor) ([]Member, Layout, error) {
	buffered := bufio.NewReaderSize(f, 1<<18)
	content, err := gunzip(buffered)
	if err != nil {
		return nil, "", err
	}
	w := &walker{limited: &io.LimitedReader{R: content}, starts: starts{}}
	w.tar = tar.NewReader(w.limited)
	for {
		name, size, err := w.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, "", err
		}
		if name == "" { // the folder
			continue
		}
		if err := w.visit(name, size, visit); err != nil {
			return w.members, w.layout, err
		}
	}
	if err := w.end(); err != nil {
		return nil, "", err
	}
	return w.members, w.layout, nil
}

// next reads and checks the header of the next member. It returns the member's name inside the folder, "" for the folder
// itself, and io.EOF after the last member.
func (w *walker) next() (name string, size int64, err error) {
	w.limited.N = maxSmallFile // headers can follow each other without end
	h, err := w.tar.Next()
	for err == nil && isStray(h) {
		h, err = w.tar.Next()
	}
	if w.limited.N <= 0 {
		return "", 0, fmt.Errorf("after %d members: more than %d bytes of headers for the next", len(w.members), maxSmallFile)
	}
	if err == io.EOF {
		return "", 0, err
	}
	if err != nil && !(errors.Is(err, tar.ErrInsecurePath) && h != nil) { // checkMember is stricter
		return "", 0, fmt.Errorf("after %d members: %w", len(w.members), explain(err))
	}
	h.Name = strings.TrimPrefix(h.Name, "./") // as "tar czf x -C folder ." writes it
	l, name, err := checkMember(h)
	if err == nil && w.layout != "" && l != w.layout {
		err = errors.New("python and binary layout in one archive")
	}
	if err == nil && w.has(h.Name) {
		err = errors.New("duplicate member")
	}
	if err != nil {
		return "", 0, fmt.Errorf("member %.100q: %w", h.Name, err)
	}
	w.layout = l
	w.members = append(w.members, Member{h.Name, h.Size})
	return name, h.Size, nil
}

func (w *walker) has(member string) bool {
	return slices.ContainsFunc(w.members, func(m Member) bool { return m.Name == member })
}

// visit reads the content of the current member, whose size checkMember has limited.
func (w *walker) visit(name string, size int64, visit visitor) error {
	member := w.layout.Folder() + "/" + name
	w.limited.N = size
	w.data.Reset()
	w.data.Grow(int(size) + bytes.MinRead)
	if _, err := io.Copy(&w.data, w.tar); err != nil {
		return fmt.Errorf("member %q: %w", member, explain(err))
	}
	err := visit(w.layout, name, w.data.Bytes())
	if err == nil && w.layout.batchID(name) != 0 {
		err = w.starts.add(name, w.data.Bytes())
	}
	if err == nil || err == errStop {
		return err
	}
	return fmt.Errorf("member %q: %w", member, err)
}

// end checks that no member is missing and reads the rest: the padding of the tar stream and the checksum of the gzip stream.
func (w *walker) end() error {
	if len(w.members) == 0 {
		return errors.New("empty archive, want a folder with six batch files")
	}
	for _, name := range w.layout.required() {
		name = w.layout.Folder() + "/" + name
		if !w.has(name) {
			return fmt.Errorf("member %q is missing", name)
		}
	}
	w.limited.N = maxSmallFile
	if _, err := io.Copy(io.Discard, w.limited); err != nil {
		return fmt.Errorf("at the end: %w", explain(err))
	}
	if w.limited.N <= 0 {
		return errors.New("trailing data after the last member")
	}
	return nil
}

// checkMember returns the layout that a member belongs to and its name inside the layout's folder, "" for the folder itself.
func checkMember(h *tar.Header) (Layout, string, error) {
	if err := checkType(h); err != nil {
		return "", "", err
	}
	if err := checkName(h.Name); err != nil {
		return "", "", err
	}
	folder, name, _ := strings.Cut(h.Name, "/")
	for _, l := range layouts {
		if folder != l.Folder() {
			continue
		}
		if h.Typeflag == tar.TypeDir {
			if name != "" {
				break
			}
			return l, "", nil
		}
		limit := l.maxSize(name)
		if limit == 0 {
			break
		}
		if h.Size > limit {
			return "", "", fmt.Errorf("size of %d bytes, want at most %d", h.Size, limit)
		}
		return l, name, nil
	}
	return "", "", fmt.Errorf("not part of CIFAR-10, want %s or %s with data_batch_1 to 5, test_batch, batches.meta"+
		" and readme.html", Python.Folder(), Binary.Folder())
}

// isStray reports whether a member is the archive's root, or a small file that systems and this package leave in folders.
func isStray(h *tar.Header) bool {
	switch h.Typeflag {
	case tar.TypeDir:
		return h.Name == "./" || h.Name == "."
	case tar.TypeReg:
		return h.Size <= maxSmallFile && checkName(h.Name) == nil && isStrayName(path.Base(h.Name))
	}
	return false
}

// isStrayName reports whether a file's name is one that macOS, Windows or this package's record have.
func isStrayName(name string) bool {
	return name == recordFile || name == ".DS_Store" || name == "Thumbs.db" || name == "desktop.ini" || strings.HasPrefix(name, "._")
}

func checkType(h *tar.Header) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir:
		return nil
	case tar.TypeSymlink, tar.TypeLink:
		return fmt.Errorf("link to %.100q, want a regular file", h.Linkname)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return errors.New("device or pipe, want a regular file")
	}
	return fmt.Errorf("tar type %q, want a regular file or folder", h.Typeflag)
}

// checkName refuses names outside the folder and those of CIFAR-100.
func checkName(name string) error {
	slashed := strings.ReplaceAll(name, `\`, "/")
	if path.IsAbs(slashed) || strings.Contains(slashed, ":") {
		return errors.New("absolute path, which would be written outside the folder")
	}
	if slices.Contains(strings.Split(slashed, "/"), "..") {
		return errors.New(`path with "..", which would be written outside the folder`)
	}
	if strings.HasPrefix(slashed, "cifar-100") {
		return errCIFAR100
	}
	return nil
}

// gunzip returns the tar stream of a file: unpacked, or as it is, since some browsers unpack a download. If the file is
// something else, the error says what.
func gunzip(r *bufio.Reader) (io.Reader, error) {
	start, err := r.Peek(filetype.Start)
	if len(start) == 0 && err == io.EOF {
		return nil, errors.New("empty file (0 bytes), want a gzipped tar archive")
	}
	if len(start) == 0 {
		return nil, err
	}
	switch format := filetype.Name(start); format {
	case filetype.Gzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, explain(err)
		}
		return z, nil
	case filetype.Tar:
		return r, nil
	case filetype.Pickle:
		return nil, errors.New("not an archive but a batch file or another pickle: give the folder that contains the batch files")
	case filetype.Unknown:
		return nil, errors.New("not a gzip file but of an unknown format")
	default:
		return nil, fmt.Errorf("not a gzip file but %s", format)
	}
}

// explain turns the errors of gzip and tar into what they mean for the file.
func explain(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("file is truncated, perhaps by an interrupted download: %w", err)
	case errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("checksum mismatch: %w", err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("not a gzipped tar archive: %w", err)
	}
	return err
}
