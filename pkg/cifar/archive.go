package cifar

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// A Member is a file or folder in an archive, as "tar -tvf" lists it.
type Member struct {
	Name string // with slashes; a folder's name ends in one
	Size int64  // bytes; 0 for a folder
}

const advice = "get the archive again from https://www.cs.toronto.edu/~kriz/cifar.html" +
	" (or delete it: a copy that comes with this program can take its place)"

// errStop lets a visitor end a walk early and in good order.
var errStop = errors.New("stop")

// A visitor sees the files of an archive one by one: the name inside the archive's folder and the
// content, which is only valid during the call.
type visitor func(l Layout, name string, data []byte) error

// walk reads a gzipped tar archive of either layout from end to end, checksums included, and visits
// its files. It lets through exactly what the published archives hold: one folder and, in it, each
// file at most once, none missing, none larger than makes sense. Everything else is an error.
func walk(archive string, visit visitor) ([]Member, Layout, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, "", fmt.Errorf("cifar: open archive: %w", err)
	}
	defer f.Close()
	members, layout, err := walkReader(f, visit)
	if err != nil && err != errStop {
		var own *visitError
		if errors.As(err, &own) { // not the archive's fault
			return nil, "", fmt.Errorf("cifar: archive %s: %w", archive, own.error)
		}
		return nil, "", fmt.Errorf("cifar: archive %s: %w; %s", archive, err, advice)
	}
	return members, layout, nil
}

// A visitError marks an error that is not about the archive, such as a full disk.
type visitError struct{ error }

func (e *visitError) Unwrap() error { return e.error }

func walkReader(f io.Reader, visit visitor) (members []Member, layout Layout, err error) {
	buffered := bufio.NewReaderSize(f, 1<<18)
	if err := checkGzip(buffered); err != nil {
		return nil, "", err
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, "", explain(err)
	}
	unpacked := &io.LimitedReader{R: z} // by what the next part may take
	t := tar.NewReader(unpacked)
	var data bytes.Buffer
	for {
		unpacked.N = maxSmallFile // headers may follow each other without an end
		h, err := t.Next()
		if unpacked.N <= 0 {
			return nil, "", fmt.Errorf("after %d members: more than %d bytes of headers for the next", len(members), maxSmallFile)
		}
		if err == io.EOF {
			break
		}
		if err != nil && !(errors.Is(err, tar.ErrInsecurePath) && h != nil) { // checkMember is stricter
			return nil, "", fmt.Errorf("after %d members: %w", len(members), explain(err))
		}
		l, name, err := checkMember(h)
		if err == nil && layout != "" && l != layout {
			err = errors.New("python and binary layout in one archive")
		}
		if err == nil && slices.ContainsFunc(members, func(m Member) bool { return m.Name == h.Name }) {
			err = errors.New("a second entry of this name")
		}
		if err != nil {
			return nil, "", fmt.Errorf("member %.100q: %w", h.Name, err)
		}
		layout = l
		members = append(members, Member{h.Name, h.Size})
		if name == "" {
			continue
		}
		unpacked.N = h.Size // checkMember has limited it
		data.Reset()
		data.Grow(int(h.Size) + bytes.MinRead)
		if _, err := io.Copy(&data, t); err != nil {
			return nil, "", fmt.Errorf("member %q: %w", h.Name, explain(err))
		}
		if err := visit(layout, name, data.Bytes()); err != nil {
			return members, layout, inMember(h.Name, err)
		}
	}
	if len(members) == 0 {
		return nil, "", errors.New("it is empty, want a folder with six batch files")
	}
	for _, name := range layout.required() {
		name = layout.Folder() + "/" + name
		if !slices.ContainsFunc(members, func(m Member) bool { return m.Name == name }) {
			return nil, "", fmt.Errorf("member %q is missing", name)
		}
	}
	// The checksum stands at the end of the gzip stream, behind the padding of the tar stream.
	unpacked.N = maxSmallFile
	if _, err := io.Copy(io.Discard, unpacked); err != nil {
		return nil, "", fmt.Errorf("at its end: %w", explain(err))
	}
	if unpacked.N <= 0 {
		return nil, "", errors.New("more data follows after the last member")
	}
	return members, layout, nil
}

// inMember adds the member's name and keeps errStop and visitError recognisable.
func inMember(name string, err error) error {
	if err == errStop {
		return err
	}
	return fmt.Errorf("member %q: %w", name, err)
}

// checkMember returns the layout that a member belongs to and its name inside the layout's folder,
// "" for the folder itself.
func checkMember(h *tar.Header) (Layout, string, error) {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir:
	case tar.TypeSymlink, tar.TypeLink:
		return "", "", fmt.Errorf("a link to %.100q; CIFAR-10 has no links", h.Linkname)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return "", "", errors.New("a device; CIFAR-10 has no devices")
	default:
		return "", "", fmt.Errorf("an entry of tar type %q; CIFAR-10 has only files and a folder", h.Typeflag)
	}
	slashed := strings.ReplaceAll(h.Name, `\`, "/")
	if path.IsAbs(slashed) || strings.Contains(slashed, ":") {
		return "", "", errors.New("an absolute name, which would be written outside the folder")
	}
	if slices.Contains(strings.Split(slashed, "/"), "..") {
		return "", "", errors.New(`a name with "..", which would be written outside the folder`)
	}
	if strings.HasPrefix(slashed, "cifar-100") {
		return "", "", errors.New("this is CIFAR-100 (100 classes), want CIFAR-10")
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
			return "", "", fmt.Errorf("declared as %d bytes, want at most %d", h.Size, limit)
		}
		return l, name, nil
	}
	return "", "", fmt.Errorf("does not belong in CIFAR-10, which has %s or %s with data_batch_1 to 5,"+
		" test_batch, batches.meta and readme.html", Python.Folder(), Binary.Folder())
}

// checkGzip looks at the first bytes, and says what the file is if it is not a gzip file.
func checkGzip(r *bufio.Reader) error {
	start, err := r.Peek(512)
	if len(start) == 0 && err == io.EOF {
		return errors.New("the file is empty (0 bytes), want a gzipped tar archive")
	}
	if len(start) == 0 {
		return err
	}
	lower := bytes.ToLower(bytes.TrimSpace(start))
	what := "something else"
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return nil
	case bytes.HasPrefix(lower, []byte("<")):
		what = "a web page (HTML), perhaps an error page or a log-in page saved under this name"
	case bytes.HasPrefix(start, []byte("PK")):
		what = "a zip file"
	case len(start) > 262 && string(start[257:262]) == "ustar":
		what = "a tar archive that is not gzipped"
	}
	return fmt.Errorf("not a gzip file but %s", what)
}

// explain says what the errors of gzip and tar mean for the file.
func explain(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the file ends too early, perhaps a download broke off: %w", err)
	case errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("the content does not fit its checksum, so it is damaged: %w", err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("the file is damaged or is no gzipped tar archive: %w", err)
	}
	return fmt.Errorf("the file is damaged: %w", err)
}
