package pickle

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The Python names that a pickle may use: those with which numpy rebuilds an array (numpy 2 renamed numpy.core), and the one
// with which Python 3 writes bytes in protocol 2.
const (
	reconstruct = global("numpy.core.multiarray._reconstruct")
	ndarray     = global("numpy.ndarray")
	numpyDType  = global("numpy.dtype")
	frombuffer  = global("numpy.core.numeric._frombuffer") // protocol 5
	encode      = global("_codecs.encode")
)

var globals = map[string]global{
	"numpy.core.multiarray._reconstruct":  reconstruct,
	"numpy._core.multiarray._reconstruct": reconstruct,
	"numpy.ndarray":                       ndarray,
	"numpy.dtype":                         numpyDType,
	"numpy.core.numeric._frombuffer":      frombuffer,
	"numpy._core.numeric._frombuffer":     frombuffer,
	"_codecs.encode":                      encode,
}

// global pushes the Python object that is named by two lines (GLOBAL) or by two strings on the stack (STACK_GLOBAL).
func (m *machine) global(op byte) error {
	names := m.namesOnStack
	if op == 'c' {
		names = m.namesInLines
	}
	module, name, err := names()
	if err != nil {
		return err
	}
	g, ok := globals[string(module)+"."+string(name)]
	if !ok {
		return fmt.Errorf("object %.60q of module %.60q is not allowed, only those that numpy needs for an array", name, module)
	}
	m.push(g)
	return nil
}

func (m *machine) namesInLines() (module, name []byte, err error) {
	if module, err = m.line(); err != nil {
		return nil, nil, err
	}
	name, err = m.line()
	return module, name, err
}

func (m *machine) namesOnStack() (module, name []byte, err error) {
	v, err := m.pop(2)
	if err != nil {
		return nil, nil, err
	}
	module, ok1 := v[0].([]byte)
	name, ok2 := v[1].([]byte)
	if !ok1 || !ok2 {
		return nil, nil, errors.New("name of a Python object is not a string")
	}
	return module, name, nil
}

// call replaces the call of a Python function. Four calls are known, and each only makes a value.
func (m *machine) call() error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	args, _ := v[1].(Tuple)
	switch {
	case v[0] == reconstruct && len(args) == 3 && args[0] == ndarray: // an empty array, for BUILD to fill
		m.push(&Array{})
		return nil
	case v[0] == frombuffer && len(args) == 4: // _frombuffer(data, dtype, shape, order)
		if order, ok := args[3].([]byte); ok {
			a := &Array{}
			m.push(a)
			return a.setState(Tuple{nil, args[2], args[1], string(order) == "F", args[0]})
		}
	case v[0] == numpyDType && len(args) == 3: // dtype("u1", align, copy)
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
	return fmt.Errorf("call of %s with unexpected arguments", TypeName(v[0]))
}

// build sets the state of a dtype or an array.
func (m *machine) build() error {
	v, err := m.pop(1)
	if err != nil {
		return err
	}
	state, _ := v[0].(Tuple)
	target, err := m.top()
	if err != nil {
		return err
	}
	switch t := target.(type) {
	case *dtype: // byte order and the like, which do not matter for types of one byte
		return nil
	case *Array:
		return t.setState(state)
	}
	return fmt.Errorf("set the state of %s, want a numpy array or dtype", TypeName(target))
}

// setState takes the tuple (version, shape, dtype, fortran_order, data).
func (a *Array) setState(state Tuple) error {
	if len(state) != 5 {
		return fmt.Errorf("state of a numpy array has %d values, want 5", len(state))
	}
	shape, ok1 := state[1].(Tuple)
	kind, ok2 := state[2].(*dtype)
	fortran, ok3 := state[3].(bool)
	data, ok4 := state[4].([]byte)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return errors.New("state of a numpy array has values of unexpected types")
	}
	if len(shape) > maxDims {
		return fmt.Errorf("numpy array of %d dimensions, want at most %d", len(shape), maxDims)
	}
	if len(kind.name) > maxDType {
		return fmt.Errorf("numpy dtype %.20q… of %d bytes, want at most %d", kind.name, len(kind.name), maxDType)
	}
	a.Shape = nil
	for _, d := range shape {
		n, ok := d.(int64)
		if !ok {
			return fmt.Errorf("shape of a numpy array contains %s, want integers", TypeName(d))
		}
		a.Shape = append(a.Shape, n)
	}
	a.DType, a.Fortran, a.Data = string(kind.name), fortran, data
	return nil
}

// latin1 converts UTF-8 to one byte per character: Python 3 writes bytes this way in protocol 2. All results together may not
// be longer than the pickle.
func (m *machine) latin1(s []byte) ([]byte, error) {
	if len(s) > m.encodable {
		return nil, errors.New("_codecs.encode: more text than the file contains")
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
