package cifar

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// step runs one instruction. The names in the comments are those of Python's pickletools.
func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		version, err := m.number(1)
		if err == nil && (version < 2 || version > 4) {
			err = fmt.Errorf("pickle protocol %d, want 2, 3 or 4", version)
		}
		return err
	case 0x95: // FRAME: a hint for buffering; whether the bytes are there shows when they are read
		_, err := m.number(8)
		return err
	case '(': // MARK
		m.marks = append(m.marks, len(m.stack))
	case 'N': // NONE
		m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		m.push(op == 0x88)
	case 'K', 'M', 'J', 0x8a: // BININT1, BININT2, BININT, LONG1
		return m.integer(op)
	case 'U', 'C', 0x8c: // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE
		return m.pushText(1)
	case 'T', 'B', 'X': // BINSTRING, BINBYTES, BINUNICODE
		return m.pushText(4)
	case 0x8e, 0x8d: // BINBYTES8, BINUNICODE8
		return m.pushText(8)
	case ')', 0x85, 0x86, 0x87, 't': // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
		return m.tuple(op)
	case ']': // EMPTY_LIST
		m.push(&list{})
	case '}': // EMPTY_DICT
		m.push(dict{})
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
		return errors.New("not an instruction that CIFAR-10 needs; the file is refused")
	}
	return nil
}

func (m *machine) integer(op byte) error {
	size := map[byte]int{'K': 1, 'M': 2, 'J': 4, 0x8a: 1}[op]
	n, err := m.number(size)
	if err != nil {
		return err
	}
	v := int64(n)
	if op == 'J' {
		v = int64(int32(n))
	}
	if op == 0x8a { // n is the number of bytes of a two's complement number
		if n > 8 {
			return fmt.Errorf("an integer of %d bytes, want at most 8", n)
		}
		u, err := m.number(int(n))
		if err != nil {
			return err
		}
		unused := 64 - 8*n
		v = int64(u<<unused) >> unused
	}
	m.push(v)
	return nil
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
	m.push(tuple(slices.Clone(items)))
	return err
}

// above takes one value, or n, or all above the mark.
func (m *machine) above(all bool, n int) ([]any, error) {
	if all {
		return m.popMark()
	}
	return m.pop(n)
}

func (m *machine) append(op byte) error {
	items, err := m.above(op == 'e', 1)
	if err != nil {
		return err
	}
	items = slices.Clone(items) // before top reuses the stack
	v, err := m.top()
	if err != nil {
		return err
	}
	l, ok := v.(*list)
	if !ok {
		return fmt.Errorf("appends to %s, want a list", kind(v))
	}
	l.items = append(l.items, items...)
	return nil
}

func (m *machine) setItems(op byte) error {
	items, err := m.above(op == 'u', 2)
	if err != nil {
		return err
	}
	if len(items)%2 != 0 {
		return errors.New("a dictionary key without a value")
	}
	items = slices.Clone(items)
	v, err := m.top()
	if err != nil {
		return err
	}
	d, ok := v.(dict)
	if !ok {
		return fmt.Errorf("sets items of %s, want a dictionary", kind(v))
	}
	for i := 0; i < len(items); i += 2 {
		key, ok := items[i].([]byte)
		if !ok {
			return fmt.Errorf("a dictionary key is %s, want a string", kind(items[i]))
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
		return fmt.Errorf("memo entry %d was never written", i)
	}
	m.push(v)
	return nil
}

func (m *machine) global(op byte) error {
	var module, name []byte
	var err error
	if op == 'c' {
		if module, err = m.line(); err == nil {
			name, err = m.line()
		}
	} else {
		var v []any
		if v, err = m.pop(2); err == nil {
			var ok1, ok2 bool
			module, ok1 = v[0].([]byte)
			name, ok2 = v[1].([]byte)
			if !ok1 || !ok2 {
				err = errors.New("the name of a Python object is not a string")
			}
		}
	}
	if err != nil {
		return err
	}
	g, ok := globals[string(module)+"."+string(name)]
	if !ok {
		return fmt.Errorf("the pickle asks for the Python object %.60q of module %.60q; only what numpy"+
			" needs for an array is allowed, so the file is refused", name, module)
	}
	m.push(g)
	return nil
}

// call stands for calling a Python function. Three calls are known, and each only makes a value.
func (m *machine) call() error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	args, _ := v[1].(tuple)
	switch {
	case v[0] == newArray && len(args) == 3 && args[0] == ndarray: // an empty array, which BUILD fills
		m.push(&array{})
		return nil
	case v[0] == newDtype && len(args) == 3: // dtype("u1", align, copy)
		if name, ok := args[0].([]byte); ok {
			m.push(&dtype{name})
			return nil
		}
	case v[0] == encode && len(args) == 2: // encode(text, "latin1")
		text, ok1 := args[0].([]byte)
		codec, ok2 := args[1].([]byte)
		if ok1 && ok2 && string(codec) == "latin1" {
			b, err := latin1(text)
			m.push(b)
			return err
		}
	}
	return fmt.Errorf("a call of %s with arguments that numpy does not write; the file is refused", kind(v[0]))
}

// build sets the state of a dtype or an array.
func (m *machine) build() error {
	v, err := m.pop(1)
	if err != nil {
		return err
	}
	state, _ := v[0].(tuple)
	target, err := m.top()
	if err != nil {
		return err
	}
	switch t := target.(type) {
	case *dtype: // byte order and the like, which a type of one byte does not have
		return nil
	case *array: // (version, shape, dtype, fortran_order, data)
		if len(state) != 5 {
			break
		}
		shape, ok1 := state[1].(tuple)
		kind, ok2 := state[2].(*dtype)
		fortran, ok3 := state[3].(bool)
		data, ok4 := state[4].([]byte)
		if !ok1 || !ok2 || !ok3 || !ok4 {
			break
		}
		t.shape = nil
		for _, d := range shape {
			n, ok := d.(int64)
			if !ok {
				return errors.New("the shape of a numpy array is not made of integers")
			}
			t.shape = append(t.shape, n)
		}
		t.dtype, t.fortran, t.data = bytes.Clone(kind.name), fortran, data
		return nil
	}
	return fmt.Errorf("sets the state of %s in a way that numpy does not; the file is refused", kind(target))
}
