// Package safetensors reads and writes the safetensors format, in which weights are exchanged between
// PyTorch, JAX and others without running code: https://github.com/huggingface/safetensors.
//
// A file is an 8-byte little-endian length, a JSON header of that length and the tensors' bytes behind it:
//
//	{"conv1.weight": {"dtype": "F32", "shape": [64, 3, 7, 7], "data_offsets": [0, 37632]}, "__metadata__": {"format": "pt"}}
//
// Values are little-endian and row-major; the offsets count from the end of the header, cover the data
// without gap or overlap, and may stand in any order. This package holds float32, int64 and int32 values.
package safetensors

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// MaxHeader is the longest header that is read or written, in bytes. The format itself allows 100 MB, but a file may
// claim them to exhaust a reader's memory. ResNet-18 takes 15 kB; a checkpoint's history of 300,000 steps takes 20 MB.
const MaxHeader = 32 << 20

// Sizes of the data types in bytes.
var elementSize = map[string]int64{
	"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
	"I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}

// Tensor is one named array. Data holds its bytes, little-endian and row-major.
type Tensor struct {
	Name  string
	DType string // "F32", "I64" …
	Shape []int  // empty for a scalar
	Data  []byte
}

// Entry says where a tensor stands in a file.
type Entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Write writes tensors and metadata in the order given. Names must be unique.
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

// WriteEach is Write for data that need not be in memory as it stands in the file: write writes the bytes of tensor i to w when
// their turn has come. The Data of tensors is not used.
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
			return fmt.Errorf("safetensors: tensor name %q is reserved or used twice", t.Name)
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
	if len(text) > MaxHeader {
		return fmt.Errorf("safetensors: the header has %d bytes, and nobody reads more than %d", len(text), MaxHeader)
	}
	if _, err := w.Write(le64(uint64(len(text)))); err != nil {
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

// counter counts the bytes that are written.
type counter struct {
	io.Writer
	written int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.written += int64(n)
	return n, err
}

// checkLength makes sure that the data has as many bytes as type and shape ask for.
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

// File is an open safetensors file whose header has been checked.
type File struct {
	Metadata map[string]string
	entries  map[string]Entry
	names    []string // in the order of their data
	data     *io.SectionReader
	path     string // or "safetensors", where errors name the file
	close    func() error
}

// Open reads and checks a file's header. Close the file after use.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var s *File
		if s, err = Read(f, info.Size()); err == nil {
			s.path, s.close = path, f.Close
			return s, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("%s: %w", path, err)
}

// Read checks the header of a file of the given size in bytes.
func Read(r io.ReaderAt, size int64) (*File, error) {
	length, err := headerLength(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{entries: map[string]Entry{}, data: io.NewSectionReader(r, 8+length, size-8-length), path: "safetensors"}
	if err := f.parse(io.NewSectionReader(r, 8, length)); err != nil {
		return nil, fmt.Errorf("safetensors: header of %d bytes: %w", length, err)
	}
	if err := f.checkLayout(); err != nil {
		return nil, err
	}
	return f, nil
}

func headerLength(r io.ReaderAt, size int64) (int64, error) {
	var b [8]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return 0, fmt.Errorf("safetensors: the file has %d bytes, too few for the length of its header", size)
	}
	var length uint64
	for i := range b {
		length |= uint64(b[i]) << (8 * i)
	}
	const shortest = 2 // {}
	if length < shortest || length > MaxHeader || int64(length) > size-8 {
		return 0, fmt.Errorf("safetensors: the header claims %d bytes in a file of %d (limit %d): not a safetensors file, or cut short", length, size, MaxHeader)
	}
	return int64(length), nil
}

// checkLayout makes sure that the tensors cover the data exactly, so that nothing is hidden, shared or cut.
func (f *File) checkLayout() error {
	slices.SortFunc(f.names, func(a, b string) int {
		x, y := f.entries[a].Offsets, f.entries[b].Offsets
		if x[0] != y[0] {
			return int(min(1, max(-1, x[0]-y[0])))
		}
		return int(min(1, max(-1, x[1]-y[1])))
	})
	var end int64
	for _, name := range f.names {
		o := f.entries[name].Offsets
		if o[0] < end {
			return fmt.Errorf("safetensors: tensor %.100q starts at byte %d, inside the one before it, which ends at %d", name, o[0], end)
		}
		if o[0] > end {
			return fmt.Errorf("safetensors: %d bytes before tensor %.100q belong to no tensor", o[0]-end, name)
		}
		end = o[1]
	}
	if end != f.data.Size() {
		last := "the header"
		if len(f.names) > 0 {
			last = fmt.Sprintf("tensor %.100q", f.names[len(f.names)-1])
		}
		return fmt.Errorf("safetensors: %s ends at byte %d of the data, the file has %d: cut short or longer than it says", last, end, f.data.Size())
	}
	return nil
}

// Names lists the tensors in the order of their data.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Entry describes a tensor without reading it.
func (f *File) Entry(name string) (Entry, bool) {
	e, ok := f.entries[name]
	return e, ok
}

// Tensor reads one tensor.
func (f *File) Tensor(name string) (Tensor, error) {
	e, ok := f.entries[name]
	if !ok {
		return Tensor{}, fmt.Errorf("%s: no tensor %q among %d", f.path, name, len(f.names))
	}
	data := make([]byte, e.Offsets[1]-e.Offsets[0])
	if _, err := f.data.ReadAt(data, e.Offsets[0]); err != nil && len(data) > 0 {
		return Tensor{}, fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
	}
	return Tensor{Name: name, DType: e.DType, Shape: e.Shape, Data: data}, nil
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

const metadataKey = "__metadata__"

// byteSize is the size of a tensor's data, or an error for an unknown type, a negative or an absurd shape.
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

func le64(v uint64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return b
}
