package cifar

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// CIFAR100 has the splits of CIFAR-100 (cs.toronto.edu/~kriz/cifar.html): images of 100 classes, 500 of each for training and 100
// for the test. As in CIFAR-10, the last fifth of the training images is dev.
type CIFAR100 struct {
	Train, Dev, Test *Dataset
}

// LoadCIFAR100 reads CIFAR-100 from its archive, cifar-100-python.tar.gz or cifar-100-binary.tar.gz, or from the folder that it
// unpacks to, or the one around it. Labels are the fine ones. An error names the file, what it contains and what was expected; it
// wraps ErrCorrupt if the content is damaged and ErrNotFound if a file is missing.
func LoadCIFAR100(path string) (*CIFAR100, error) {
	return cifar100{train: 50000, test: 10000}.load(path)
}

// MayBeCIFAR100 reports whether a path is for LoadCIFAR100: that of a file, or of a folder with CIFAR-100's files, or around them.
func MayBeCIFAR100(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return err == nil
	}
	_, _, ok := findCIFAR100(path)
	return ok
}

// findCIFAR100 finds the files in a folder or, as an archive is often unpacked, in its folder cifar-100-python or -binary.
func findCIFAR100(folder string) (l cifar100Layout, in string, ok bool) {
	for _, l := range cifar100Layouts {
		for _, in := range []string{folder, filepath.Join(folder, l.folder)} {
			if hasFiles(in, l.files()) {
				return l, in, true
			}
		}
	}
	return l, "", false
}

func hasFiles(folder string, names []string) bool {
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// cifar100 reads files with these numbers of images; tests have fewer.
type cifar100 struct{ train, test int }

// cifar100Layout is one of the published forms: the folder in the archive and the files that are read. (The others list file names
// and the 20 coarse classes.)
type cifar100Layout struct{ folder, train, test, names string }

func (l cifar100Layout) files() []string { return []string{l.train, l.test, l.names} }

func (l cifar100Layout) binary() bool { return l.folder == "cifar-100-binary" }

var cifar100Layouts = []cifar100Layout{
	{"cifar-100-python", "train", "test", "meta"},
	{"cifar-100-binary", "train.bin", "test.bin", "fine_label_names.txt"},
}

const (
	cifar100Classes = 100
	maxCIFAR100File = 300 << 20 // the largest has 155 MB; 230 MB if Python 3 has written it as protocol 2
	maxCIFAR100     = 512 << 20 // unpacked, all files together
)

const cifar100Advice = "get cifar-100-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html again"

var errCIFAR10 = fmt.Errorf("it is CIFAR-10, want CIFAR-100; for your own copy of CIFAR-10 set %s", PathVariable)

func (c cifar100) load(path string) (*CIFAR100, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cifar: CIFAR-100: %w", err)
	}
	var l cifar100Layout
	var files map[string][]byte
	if info.IsDir() {
		l, files, err = readCIFAR100Folder(path)
	} else {
		l, files, err = readCIFAR100Archive(path)
	}
	var d *CIFAR100
	if err == nil {
		d, err = c.decode(l, files)
	}
	switch {
	case errors.Is(err, errCIFAR10):
		return nil, fmt.Errorf("cifar: %s: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("cifar: CIFAR-100, %s: %w; %s", path, err, cifar100Advice)
	}
	for _, d := range []*Dataset{d.Train, d.Dev, d.Test} {
		d.Origin = "CIFAR-100, " + path
	}
	return d, nil
}

func readCIFAR100Folder(folder string) (l cifar100Layout, files map[string][]byte, err error) {
	l, folder, ok := findCIFAR100(folder)
	if !ok {
		python, binary := cifar100Layouts[0], cifar100Layouts[1]
		return l, nil, fmt.Errorf("%w: want %s, or %s, in the folder or in its %s or %s", ErrNotFound,
			strings.Join(python.files(), ", "), strings.Join(binary.files(), ", "), python.folder, binary.folder)
	}
	files = map[string][]byte{}
	for _, name := range l.files() {
		if files[name], err = readFile(filepath.Join(folder, name), maxCIFAR100File); err != nil {
			return l, nil, err
		}
	}
	return l, files, nil
}

func readCIFAR100Archive(path string) (l cifar100Layout, files map[string][]byte, err error) {
	f, info, err := regularfile.Open(path)
	if err != nil {
		return l, nil, err
	}
	defer f.Close()
	content, err := gunzip(bufio.NewReader(io.LimitReader(f, info.Size())))
	if err != nil {
		return l, nil, corrupt(err)
	}
	limited := &io.LimitedReader{R: content, N: maxCIFAR100}
	l, files, err = untarCIFAR100(tar.NewReader(limited))
	if err == nil {
		_, err = io.Copy(io.Discard, limited) // up to the checksum
	}
	switch {
	case limited.N <= 0:
		return l, nil, corrupt(fmt.Errorf("more than %d bytes when unpacked", maxCIFAR100))
	case errors.Is(err, errCIFAR10), errors.Is(err, ErrNotFound):
		return l, nil, err
	case err != nil:
		return l, nil, corrupt(explain(err))
	}
	return l, files, nil
}

// untarCIFAR100 reads the files of one layout; others are skipped.
func untarCIFAR100(t *tar.Reader) (found cifar100Layout, files map[string][]byte, err error) {
	files = map[string][]byte{}
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // nothing is written
			return found, nil, err
		}
		folder, name, _ := strings.Cut(strings.TrimPrefix(h.Name, "./"), "/")
		if folder == Python.Folder() || folder == Binary.Folder() {
			return found, nil, errCIFAR10
		}
		i := slices.IndexFunc(cifar100Layouts, func(l cifar100Layout) bool { return l.folder == folder })
		if i < 0 || !slices.Contains(cifar100Layouts[i].files(), name) {
			continue
		}
		found = cifar100Layouts[i]
		switch err := checkType(h); {
		case err != nil:
			return found, nil, fmt.Errorf("member %q: %w", h.Name, err)
		case files[name] != nil:
			return found, nil, fmt.Errorf("member %q: duplicate member", h.Name)
		case h.Size > maxCIFAR100File:
			return found, nil, fmt.Errorf("member %q has %d bytes, want at most %d", h.Name, h.Size, maxCIFAR100File)
		}
		var data bytes.Buffer
		data.Grow(int(h.Size) + bytes.MinRead)
		if _, err := io.Copy(&data, t); err != nil {
			return found, nil, fmt.Errorf("member %q: %w", h.Name, err)
		}
		files[name] = data.Bytes()
	}
	if found.folder == "" {
		found = cifar100Layouts[0] // the one to ask for
	}
	for _, name := range found.files() {
		if files[name] == nil {
			return found, nil, fmt.Errorf("%w: no member %s/%s", ErrNotFound, found.folder, name)
		}
	}
	return found, files, nil
}

func (c cifar100) decode(l cifar100Layout, files map[string][]byte) (*CIFAR100, error) {
	names, err := l.classNames(files[l.names])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.names, corrupt(err))
	}
	read := func(name string, n int) (im images, err error) {
		if l.binary() {
			im, err = reader{n}.binary100(files[name])
		} else {
			im, err = reader{n}.pickle100(files[name])
		}
		if err != nil {
			return im, fmt.Errorf("%s: %w", name, corrupt(err))
		}
		return im, nil
	}
	train, err := read(l.train, c.train)
	if err != nil {
		return nil, err
	}
	test, err := read(l.test, c.test)
	if err != nil {
		return nil, err
	}
	dataset := func(split Split, im images, from, to int) *Dataset {
		d := cifar10.New(split, to-from)
		d.Classes = names
		setImages(d, 0, images{im.labels[from:to], im.planes[from*ImageSize : to*ImageSize]})
		return d
	}
	dev := c.train - c.train/5
	return &CIFAR100{dataset(Train, train, 0, dev), dataset(Dev, train, dev, c.train), dataset(Test, test, 0, c.test)}, nil
}

// classNames reads the names of the fine classes.
func (l cifar100Layout) classNames(data []byte) (names []string, err error) {
	if l.binary() {
		names = strings.Fields(string(data))
	} else {
		d, err := unpickle(data)
		if err != nil {
			return nil, err
		}
		if names, err = texts(d, "fine_label_names"); err != nil {
			return nil, err
		}
	}
	if len(names) != cifar100Classes {
		return nil, fmt.Errorf("%d class names, want %d", len(names), cifar100Classes)
	}
	for i, name := range names {
		if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("name of class %d is %q, want one that no other class has, in UTF-8 without control characters", i, name)
		}
	}
	return names, nil
}

// pickle100 reads a file of the python version.
func (r reader) pickle100(data []byte) (images, error) {
	d, err := unpickle(data)
	if err != nil {
		return images{}, err
	}
	return r.pickled(d, "fine_labels", cifar100Classes)
}

// binary100 reads a file of the binary version: records of a coarse label, a fine one and 3,072 pixel bytes.
func (r reader) binary100(data []byte) (images, error) { return r.records(data, 2, cifar100Classes) }
