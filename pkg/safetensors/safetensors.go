// Package safetensors reads and writes the safetensors format for weights, which PyTorch, JAX and others read without
// running code from the file: https://github.com/huggingface/safetensors.
//
// A file is an 8-byte little-endian length, a JSON header of that length and the bytes of the tensors:
//
//	{"conv1.weight": {"dtype": "F32", "shape": [64, 3, 7, 7], "data_offsets": [0, 37632]}, "__metadata__": {"format": "pt"}}
//
// Values are little-endian and row-major. The offsets are relative to the end of the header and cover the data without
// gaps or overlaps, in any order. This package treats values as bytes: it does not convert them.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/internal/regularfile"
)

// Errors that callers can test for with errors.Is.
var (
	// ErrCorrupt reports that a file is truncated, damaged or not in a supported safetensors format.
	ErrCorrupt = errors.New("corrupt or unsupported safetensors file")

	// ErrHeaderTooLarge reports that the header, which contains the metadata, exceeds this package's limit.
	ErrHeaderTooLarge = errors.New("safetensors header too large")
)

// maxHeader is the maximum length of a header in bytes, for reading and writing. The format allows 100 MB, but parsing
// that much takes too much memory. The header of ResNet-18 takes 15 kB.
const maxHeader = 32 << 20

// elementSize is the size of one value of each data type in bytes.
var elementSize = map[string]int64{
	"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
	"I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}

// Tensor is a named array.
type Tensor struct {
	Name  string
	DType string // "F32", "I64", …
	Shape []int  // empty for a scalar
	Data  []byte // little-endian and row-major
}

// Entry is the description of a tensor in a file's header.
type Entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // start and end in bytes, relative to the end of the header
}

// Write writes metadata and tensors in the given order. Names must be unique. It returns ErrHeaderTooLarge if the
// header would be too large to be read again. After an error in the arguments nothing has been written.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	for _, t := range tensors {
		if err := t.checkLength(int64(len(t.Data))); err != nil {
			return err
		}
	}
	return WriteEach(w, tensors, metadata, func(w io.Writer, i int) error {
		_, err := w.Write(tensors[i].Data)
		return err
	})
}

// WriteEach is like Write, but calls write for each tensor i in turn to write its bytes to w, so that they need not all be
// in memory. It ignores the Data of the tensors.
func WriteEach(w io.Writer, tensors []Tensor, metadata map[string]string, write func(w io.Writer, i int) error) error {
	header := map[string]any{}
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	var offset int64
	for _, t := range tensors {
		size, err := byteSize(t.DType, t.Shape)
		switch {
		case err != nil:
			return fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
		case t.Name == metadataKey || header[t.Name] != nil:
			return fmt.Errorf("safetensors: duplicate or reserved tensor name %q", t.Name)
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{} // a scalar is [], not null
		}
		header[t.Name] = Entry{t.DType, shape, [2]int64{offset, offset + size}}
		offset += size
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	text = append(text, strings.Repeat(" ", (8-len(text)%8)%8)...) // the data starts at a multiple of 8
	if len(text) > maxHeader {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed: store large metadata as a tensor or in a separate file",
			ErrHeaderTooLarge, len(text), maxHeader)
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for i, t := range tensors {
		c := &counter{Writer: w}
		if err := write(c, i); err != nil {
			return err
		}
		if err := t.checkLength(c.written); err != nil {
			return err
		}
	}
	return nil
}

// counter counts the bytes written to it.
type counter struct {
	io.Writer
	written int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.written += int64(n)
	return n, err
}

// checkLength returns an error if the data does not have the number of bytes that type and shape require.
func (t Tensor) checkLength(length int64) error {
	size, err := byteSize(t.DType, t.Shape)
	switch {
	case err != nil:
		return fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
	case size != length:
		return fmt.Errorf("safetensors: tensor %q %s%v has %d bytes, want %d", t.Name, t.DType, t.Shape, length, size)
	}
	return nil
}

// File is an open safetensors file with a valid header.
type File struct {
	Metadata map[string]string // nil if the file has none
	entries  map[string]Entry
	names    []string // in the order of their data
	data     *io.SectionReader
	path     string // for errors; "safetensors" if unknown
	close    func() error
}

// Open opens a file and checks its header. It returns ErrCorrupt for an invalid file; for weights in another format, the error
// says how to convert them. It refuses anything but a regular file. The caller must close the file.
func Open(path string) (*File, error) {
	f, info, err := regularfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	s, err := Read(f, info.Size())
	if err != nil {
		if is := foreign(f, path); is != "" && errors.Is(err, ErrCorrupt) {
			err = fmt.Errorf("%w: not a safetensors file: %s", ErrCorrupt, is)
		}
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.path, s.close = path, f.Close
	return s, nil
}

// Read checks the header of a file of the given size in bytes. It returns ErrCorrupt if the file is invalid. The file's
// tensors are read from r later.
func Read(r io.ReaderAt, size int64) (*File, error) {
	length, err := headerLength(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{entries: map[string]Entry{}, data: io.NewSectionReader(r, 8+length, size-8-length), path: "safetensors"}
	if err := f.parse(io.NewSectionReader(r, 8, length)); err != nil {
		return nil, fmt.Errorf("%w: header of %d bytes: %w", ErrCorrupt, length, err)
	}
	if err := f.checkLayout(); err != nil {
		return nil, err
	}
	return f, nil
}

func headerLength(r io.ReaderAt, size int64) (int64, error) {
	if size < 8 {
		return 0, fmt.Errorf("%w: %d bytes, want at least 8 for the length of the header", ErrCorrupt, size)
	}
	var b [8]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return 0, fmt.Errorf("safetensors: length of the header: %w", err)
	}
	length := binary.LittleEndian.Uint64(b[:])
	const shortest = 2 // {}
	switch {
	case length < shortest || length > uint64(size-8):
		return 0, fmt.Errorf("%w: the header claims %d bytes in a file of %d: truncated, or not a safetensors file", ErrCorrupt, length, size)
	case length > maxHeader:
		return 0, fmt.Errorf("%w: %d bytes, at most %d are read", ErrHeaderTooLarge, length, maxHeader)
	}
	return int64(length), nil
}

// checkLayout sorts the names in the order of their data and returns an error unless the tensors cover the data exactly.
func (f *File) checkLayout() error {
	slices.SortFunc(f.names, func(a, b string) int {
		x, y := f.entries[a].Offsets, f.entries[b].Offsets
		return slices.Compare(x[:], y[:])
	})
	var end int64
	for _, name := range f.names {
		o := f.entries[name].Offsets
		if o[0] < end {
			return fmt.Errorf("%w: tensor %.100q starts at byte %d, inside the previous one, which ends at %d", ErrCorrupt, name, o[0], end)
		}
		if o[0] > end {
			return fmt.Errorf("%w: %d bytes before tensor %.100q belong to no tensor", ErrCorrupt, o[0]-end, name)
		}
		end = o[1]
	}
	if end != f.data.Size() {
		last := "the header"
		if len(f.names) > 0 {
			last = fmt.Sprintf("tensor %.100q", f.names[len(f.names)-1])
		}
		return fmt.Errorf("%w: %s ends at byte %d of the data, but the file has %d: truncated, or followed by other data", ErrCorrupt, last, end, f.data.Size())
	}
	return nil
}

// Names returns the names of the tensors in the order of their data.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Entry returns the description of a tensor and reports whether the file has it.
func (f *File) Entry(name string) (Entry, bool) {
	e, ok := f.entries[name]
	return e, ok
}

// Tensor reads the tensor of that name.
func (f *File) Tensor(name string) (Tensor, error) {
	e, ok := f.entries[name]
	if !ok {
		return Tensor{}, fmt.Errorf("%s: no tensor %q among the %d of the file", f.path, name, len(f.names))
	}
	data := make([]byte, e.Offsets[1]-e.Offsets[0])
	if _, err := f.data.ReadAt(data, e.Offsets[0]); err != nil && len(data) > 0 {
		return Tensor{}, fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
	}
	return Tensor{Name: name, DType: e.DType, Shape: e.Shape, Data: data}, nil
}

// Close closes a file that Open has opened. It does nothing after Read.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

const metadataKey = "__metadata__"

// byteSize returns the size of a tensor's data in bytes.
func byteSize(dtype string, shape []int) (int64, error) {
	size, ok := elementSize[dtype]
	if !ok {
		return 0, fmt.Errorf("unknown dtype %.100q", dtype)
	}
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d > 0 && size > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
		size *= int64(d)
	}
	return size, nil
}
