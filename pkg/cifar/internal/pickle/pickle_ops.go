package pickle

import (
	"errors"
	"fmt"
	"slices"
)

// step runs one opcode. The comments give its name in Python's pickletools.
func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		version, err := m.number(1)
		if err == nil && (version < 2 || version > 5) {
			err = fmt.Errorf("pickle protocol %d, want 2 to 5", version)
		}
		return err
	case 0x95: // FRAME: a hint for buffering
		_, err := m.number(8)
		return err
	case '(': // MARK
		m.marks = append(m.marks, len(m.stack))
	case 'N': // NONE
		m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		m.push(op == 0x88)
	case 'K': // BININT1
		return m.integer(1)
	case 'M': // BININT2
		return m.integer(2)
	case 'J': // BININT
		return m.integer(4)
	case 0x8a: // LONG1
		return m.long()
	case 'U', 'C', 0x8c: // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE
		return m.pushText(1)
	case 'T', 'B', 'X': // BINSTRING, BINBYTES, BINUNICODE
		return m.pushText(4)
	case 0x8e, 0x8d, 0x96: // BINBYTES8, BINUNICODE8, BYTEARRAY8
		return m.pushText(8)
	case ')', 0x85, 0x86, 0x87, 't': // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
		return m.tuple(op)
	case ']': // EMPTY_LIST
		m.push(&List{})
	case '}': // EMPTY_DICT
		m.push(Dict{})
	case 'a', 'e': // APPEND, APPENDS
		return m.append(op)
	case 's', 'u': // SETITEM, SETITEMS
		return m.setItems(op)
	case 'q', 'r', 0x94: // BINPUT, LONG_BINPUT, MEMOIZE
		return m.put(op)
	case 'h', 'j': // BINGET, LONG_BINGET
		return m.get(op)
	case 'c', 0x93: // GLOBAL, STACK_GLOBAL
		return m.global(op)
	case 'R': // REDUCE
		return m.call()
	case 'b': // BUILD
		return m.build()
	default:
		return errors.New("unsupported opcode")
	}
	return nil
}

// integer reads an unsigned integer of 1 or 2 bytes, or a signed one of 4.
func (m *machine) integer(size int) error {
	n, err := m.number(size)
	if size == 4 {
		n = uint64(int32(n))
	}
	m.push(int64(n))
	return err
}

// long reads a length of one byte and that many bytes of a number in two's complement.
func (m *machine) long() error {
	size, err := m.number(1)
	if err != nil {
		return err
	}
	if size > 8 {
		return fmt.Errorf("integer of %d bytes, want at most 8", size)
	}
	n, err := m.number(int(size))
	unused := 64 - 8*size
	m.push(int64(n<<unused) >> unused)
	return err
}

func (m *machine) pushText(size int) error {
	s, err := m.text(size)
	m.push(s)
	return err
}

func (m *machine) tuple(op byte) error {
	var items []any
	var err error
	switch op {
	case 't':
		items, err = m.popMark()
	case 0x85, 0x86, 0x87:
		items, err = m.pop(int(op - 0x84))
	}
	m.push(Tuple(slices.Clone(items)))
	return err
}

// popItems removes all values above the last mark, or n values.
func (m *machine) popItems(all bool, n int) ([]any, error) {
	if all {
		return m.popMark()
	}
	return m.pop(n)
}

func (m *machine) append(op byte) error {
	items, err := m.popItems(op == 'e', 1)
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	l, ok := v.(*List)
	if !ok {
		return fmt.Errorf("append to %s, want a list", TypeName(v))
	}
	l.Items = append(l.Items, items...)
	return nil
}

func (m *machine) setItems(op byte) error {
	items, err := m.popItems(op == 'u', 2)
	if err != nil {
		return err
	}
	if len(items)%2 != 0 {
		return errors.New("dictionary key without a value")
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	d, ok := v.(Dict)
	if !ok {
		return fmt.Errorf("set an item of %s, want a dictionary", TypeName(v))
	}
	for i := 0; i < len(items); i += 2 {
		key, ok := items[i].([]byte)
		if !ok {
			return fmt.Errorf("dictionary key is %s, want a string", TypeName(items[i]))
		}
		if len(key) > maxKey {
			return fmt.Errorf("dictionary key of %d bytes, want at most %d", len(key), maxKey)
		}
		d[string(key)] = items[i+1]
	}
	return nil
}

func (m *machine) put(op byte) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	i := uint64(len(m.memo))
	switch op {
	case 'q':
		i, err = m.number(1)
	case 'r':
		i, err = m.number(4)
	}
	m.memo[uint32(i)] = v
	return err
}

func (m *machine) get(op byte) error {
	size := 1
	if op == 'j' {
		size = 4
	}
	i, err := m.number(size)
	if err != nil {
		return err
	}
	v, ok := m.memo[uint32(i)]
	if !ok {
		return fmt.Errorf("memo entry %d is not set", i)
	}
	m.push(v)
	return nil
}
