package cifar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The values that a pickle of this data makes. A string is a []byte: it may be a view of the file,
// so that the 30 MB of pixels are not copied.
type (
	list   struct{ items []any } // a pointer type, as the memo shares lists
	tuple  []any
	dict   map[string]any
	global string // the name of an allowed Python object, as "module.name"
	dtype  struct{ name []byte }
	array  struct { // numpy.ndarray
		shape   []int64
		dtype   []byte
		fortran bool // column-major
		data    []byte
	}
)

// Limits on what a pickle may do. An instruction is short and may recall a long value from the memo,
// so none may copy a long one: that is what the limits on keys, dimensions and encoded text are for.
const (
	maxOps  = 1 << 20 // instructions; a published batch takes about 50,000
	maxKey  = 100     // bytes of a dictionary key
	maxDims = 64      // dimensions of an array: numpy's own limit
)

// machine is the stack machine that a pickle is a program for. Only protocol 2's instructions that
// the data uses are here, and their successors in protocols 3 and 4, in case somebody has written
// the batches anew with Python 3.
type machine struct {
	in    []byte // what is left to read
	stack []any
	marks []int // heights of the stack at MARK
	memo  map[uint32]any

	encodable int // bytes of text that _codecs.encode may still take
}

var (
	errShort     = fmt.Errorf("the pickle ends too early: %w", io.ErrUnexpectedEOF)
	errUnderflow = errors.New("the pickle takes more from the stack than it has put there")
)

// unpickle runs a pickle and returns the value that it leaves.
func unpickle(data []byte) (any, error) {
	m := &machine{in: data, memo: map[uint32]any{}, encodable: len(data)}
	for range maxOps {
		at := len(data) - len(m.in)
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' { // STOP
			if len(m.stack) != 1 || len(m.marks) != 0 {
				return nil, fmt.Errorf("the pickle leaves %d values, want 1", len(m.stack))
			}
			return m.stack[0], nil
		}
		if err := m.step(op[0]); err != nil {
			return nil, fmt.Errorf("pickle instruction %#02x at byte %d: %w", op[0], at, err)
		}
	}
	return nil, fmt.Errorf("the pickle has more than %d instructions: this is no CIFAR-10 batch", maxOps)
}

// take returns the next n bytes of the pickle, without copying them.
func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.in)) {
		return nil, errShort
	}
	b := m.in[:n:n]
	m.in = m.in[n:]
	return b, nil
}

// number reads a little-endian unsigned integer of 1, 2, 4 or 8 bytes.
func (m *machine) number(size int) (uint64, error) {
	b, err := m.take(uint64(size))
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// text reads a length of size bytes and as many bytes.
func (m *machine) text(size int) ([]byte, error) {
	n, err := m.number(size)
	if err != nil {
		return nil, err
	}
	return m.take(n)
}

// line reads up to the next newline.
func (m *machine) line() ([]byte, error) {
	i := bytes.IndexByte(m.in, '\n')
	if i < 0 {
		return nil, errShort
	}
	b, err := m.take(uint64(i + 1))
	return b[:i], err
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

// pop takes n values from the stack, in the order in which they were pushed. It does not reach below
// the last mark.
func (m *machine) pop(n int) ([]any, error) {
	floor := 0
	if len(m.marks) > 0 {
		floor = m.marks[len(m.marks)-1]
	}
	if len(m.stack)-n < floor {
		return nil, errUnderflow
	}
	values := m.stack[len(m.stack)-n:]
	m.stack = m.stack[:len(m.stack)-n]
	return values, nil
}

// popMark takes all values above the last mark, and the mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errUnderflow
	}
	values, err := m.pop(len(m.stack) - m.marks[len(m.marks)-1])
	m.marks = m.marks[:len(m.marks)-1]
	return values, err
}

// top returns the value on top of the stack.
func (m *machine) top() (any, error) {
	v, err := m.pop(1)
	if err != nil {
		return nil, err
	}
	m.push(v[0])
	return v[0], nil
}
