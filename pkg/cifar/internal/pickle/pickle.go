// Package pickle decodes the Python pickles of CIFAR-10: dictionaries of strings, integers, lists and numpy arrays.
//
// A pickle is a program for a small stack machine, and Python's own reader lets it call any function of any module. Decode
// knows only the opcodes and the few Python names that this data needs; anything else is an error. Nothing is ever run, and
// no length that a file declares is trusted before the bytes are there.
package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What Decode returns: nil, bool, int64, []byte for Python's str and bytes, and these. A []byte is a view of the input, so
// that 30 MB of pixels are not copied.
type (
	// Dict is a dictionary; its keys are strings.
	Dict map[string]any
	// List is a list. It is used as a pointer, as the memo shares lists.
	List struct{ Items []any }
	// Tuple is a tuple.
	Tuple []any
	// Array is a numpy.ndarray.
	Array struct {
		Shape   []int64
		DType   string // such as "u1"
		Fortran bool   // column-major
		Data    []byte
	}

	global string // the name of an allowed Python object, as "module.name"
	dtype  struct{ name []byte }
)

// Limits on what a pickle may do. An opcode is short and may recall a long value from the memo, so none may copy a long one:
// the limits on keys, dimensions and encoded text ensure that.
const (
	maxOps   = 1 << 20 // opcodes; a published batch has about 50,000
	maxKey   = 100     // bytes of a dictionary key
	maxDims  = 64      // dimensions of an array: numpy's own limit
	maxDType = 20      // bytes of the name of an array's type
)

// machine is the stack machine that runs a pickle. It has the opcodes of protocol 2 that the data uses, and their successors
// in protocols 3 to 5 for batches that were written again with Python 3.
type machine struct {
	in    []byte // the rest of the input
	stack []any
	marks []int // heights of the stack at MARK
	memo  map[uint32]any

	encodable int // bytes of text that _codecs.encode may still take
}

var (
	errShort     = fmt.Errorf("pickle is truncated: %w", io.ErrUnexpectedEOF)
	errUnderflow = errors.New("stack underflow")
)

// Decode runs a pickle of protocol 2 to 5 and returns the value that it leaves on the stack.
func Decode(data []byte) (any, error) {
	m := &machine{in: data, memo: map[uint32]any{}, encodable: len(data)}
	for range maxOps {
		at := len(data) - len(m.in)
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' { // STOP
			if len(m.stack) != 1 || len(m.marks) != 0 {
				return nil, fmt.Errorf("pickle leaves %d values on the stack, want 1", len(m.stack))
			}
			return m.stack[0], nil
		}
		if err := m.step(op[0]); err != nil {
			return nil, fmt.Errorf("pickle opcode %#02x at byte %d: %w", op[0], at, err)
		}
	}
	return nil, fmt.Errorf("pickle has more than %d opcodes, too many for a file of CIFAR-10 or CIFAR-100", maxOps)
}

// TypeName names the type of a decoded value in error messages.
func TypeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64:
		return "an integer"
	case []byte:
		return "a string"
	case *List:
		return "a list"
	case Tuple:
		return "a tuple"
	case Dict:
		return "a dictionary"
	case *Array:
		return "a numpy array"
	case *dtype:
		return "a numpy dtype"
	case global:
		return string(v)
	}
	return "an unknown type"
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

// text reads a length of size bytes and that many bytes.
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

// pop removes n values from the stack and returns them in the order in which they were pushed. It does not go below the
// last mark.
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

// popMark removes the last mark and all values above it, and returns the values.
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
