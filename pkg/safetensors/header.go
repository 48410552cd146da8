package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// parse reads the header token by token, because json.Unmarshal silently accepts null for an object, duplicate keys, and
// lists that are too short or too long for an array.
func (f *File) parse(header io.Reader) error {
	d := json.NewDecoder(header)
	d.UseNumber()
	err := object(d, func(name string) error {
		if name == metadataKey {
			return f.parseMetadata(d)
		}
		if len(f.names) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		e, err := parseEntry(d)
		if err != nil {
			return fmt.Errorf("tensor %.100q: %w", name, err)
		}
		f.entries[name] = e
		f.names = append(f.names, name)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("trailing data after the JSON object")
	}
	return nil
}

func (f *File) parseMetadata(d *json.Decoder) error {
	f.Metadata = map[string]string{}
	err := object(d, func(key string) (err error) {
		f.Metadata[key], err = text(d)
		return err
	})
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	return nil
}

// parseEntry reads the description of a tensor. Its three keys are required; unknown keys are ignored.
func parseEntry(d *json.Decoder) (e Entry, err error) {
	var offsets []int64
	err = object(d, func(key string) (err error) {
		switch key {
		case "dtype":
			e.DType, err = text(d)
		case "shape":
			var shape []int64
			shape, err = integers(d)
			e.Shape = make([]int, len(shape))
			for i, n := range shape {
				e.Shape[i] = int(n)
			}
		case "data_offsets":
			offsets, err = integers(d)
		default:
			var other json.RawMessage
			err = d.Decode(&other)
		}
		if err != nil {
			return fmt.Errorf("%.100s: %w", key, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return e, err
	case e.DType == "":
		return e, errors.New("missing dtype")
	case e.Shape == nil:
		return e, errors.New("missing shape")
	case len(offsets) != 2:
		return e, fmt.Errorf("data_offsets: got %d numbers, want 2", len(offsets))
	}
	e.Offsets = [2]int64(offsets)
	size, err := byteSize(e.DType, e.Shape)
	if err == nil && (e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1]-e.Offsets[0] != size) {
		err = fmt.Errorf("%s%v needs %d bytes, but data_offsets is %v", e.DType, e.Shape, size, e.Offsets)
	}
	return e, err
}

// object reads a JSON object and calls value for each key to read its value.
func object(d *json.Decoder, value func(key string) error) error {
	if err := begin(d, '{', "an object"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return invalidJSON(err)
		}
		key := t.(string) // the decoder accepts no other keys
		if seen[key] {
			return fmt.Errorf("duplicate key %.100q", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return invalidJSON(err)
}

// Limits far above what any network needs, so that a bad header cannot exhaust the memory.
const (
	maxTensors = 100_000
	maxDims    = 64 // of a tensor, as in NumPy
)

// integers reads a JSON list of at most maxDims integers.
func integers(d *json.Decoder) ([]int64, error) {
	if err := begin(d, '[', "a list"); err != nil {
		return nil, err
	}
	list := []int64{}
	for d.More() {
		if len(list) == maxDims {
			return nil, fmt.Errorf("more than %d numbers", maxDims)
		}
		t, err := d.Token()
		if err != nil {
			return nil, invalidJSON(err)
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("want a number, got %.100v", t)
		}
		i, err := n.Int64()
		if err != nil {
			return nil, fmt.Errorf("want a 64-bit integer, got %.100s", n)
		}
		list = append(list, i)
	}
	_, err := d.Token()
	return list, invalidJSON(err)
}

// text reads a JSON string.
func text(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", invalidJSON(err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("want a string, got %.100v", t)
	}
	return s, nil
}

// begin reads the opening delimiter of what is described by what.
func begin(d *json.Decoder, want json.Delim, what string) error {
	t, err := d.Token()
	if err != nil {
		return invalidJSON(err)
	}
	if t != want {
		return fmt.Errorf("want %s, got %.100v", what, t)
	}
	return nil
}

func invalidJSON(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		return errors.New("invalid JSON: unexpected end")
	}
	return fmt.Errorf("invalid JSON: %w", err)
}
