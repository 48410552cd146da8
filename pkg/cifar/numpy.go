package cifar

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The Python names that a pickle may mention: what numpy needs to rebuild an array, under its old
// and its new name, and what Python 3 needs to write bytes in protocol 2.
const (
	newArray = global("numpy.core.multiarray._reconstruct")
	ndarray  = global("numpy.ndarray")
	newDtype = global("numpy.dtype")
	encode   = global("_codecs.encode")
)

var globals = map[string]global{
	"numpy.core.multiarray._reconstruct":  newArray,
	"numpy._core.multiarray._reconstruct": newArray,
	"numpy.ndarray":                       ndarray,
	"numpy.dtype":                         newDtype,
	"_codecs.encode":                      encode,
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
			b, err := m.latin1(text)
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
		if len(shape) > maxDims {
			return fmt.Errorf("a numpy array of %d dimensions, want 2", len(shape))
		}
		t.shape = nil
		for _, d := range shape {
			n, ok := d.(int64)
			if !ok {
				return errors.New("the shape of a numpy array is not made of integers")
			}
			t.shape = append(t.shape, n)
		}
		t.dtype, t.fortran, t.data = kind.name, fortran, data
		return nil
	}
	return fmt.Errorf("sets the state of %s in a way that numpy does not; the file is refused", kind(target))
}

// latin1 turns UTF-8 into one byte per character: Python 3 writes bytes this way in protocol 2. All
// results together are no longer than the pickle, since nobody needs to encode a text twice.
func (m *machine) latin1(s []byte) ([]byte, error) {
	if len(s) > m.encodable {
		return nil, errors.New("_codecs.encode: more text than the file holds")
	}
	m.encodable -= len(s)
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		c, n := utf8.DecodeRune(s)
		if c > 0xff || c == utf8.RuneError {
			return nil, errors.New("_codecs.encode: not Latin-1 text")
		}
		out, s = append(out, byte(c)), s[n:]
	}
	return out, nil
}
