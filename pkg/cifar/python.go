package cifar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kind names a value in error messages.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		return "a truth value"
	case int64:
		return "an integer"
	case []byte:
		return "a string"
	case *list:
		return "a list"
	case tuple:
		return "a tuple"
	case dict:
		return "a dictionary"
	case *array:
		return "a numpy array"
	case *dtype:
		return "a numpy type"
	case global:
		return string(v)
	}
	return "an unknown value"
}

func field[T any](d dict, key, want string) (T, error) {
	v, ok := d[key]
	t, fits := v.(T)
	switch {
	case !ok:
		keys := slices.Sorted(maps.Keys(d))
		return t, fmt.Errorf("no entry %q, only %.200q", key, strings.Join(keys, ", "))
	case !fits:
		return t, fmt.Errorf("entry %q is %s, want %s", key, kind(v), want)
	}
	return t, nil
}

func unpickleDict(data []byte) (dict, error) {
	v, err := unpickle(data)
	if err != nil {
		return nil, err
	}
	d, ok := v.(dict)
	if !ok {
		return nil, fmt.Errorf("the pickle holds %s, want a dictionary", kind(v))
	}
	if d["fine_labels"] != nil || d["fine_label_names"] != nil {
		return nil, fmt.Errorf("this is CIFAR-100 (100 classes), want CIFAR-10")
	}
	return d, nil
}

// pickleBatch reads a batch of the python layout. The planes share memory with data.
func (r reader) pickleBatch(data []byte) (images, error) {
	d, err := unpickleDict(data)
	if err != nil {
		return images{}, err
	}
	labels, err := field[*list](d, "labels", "a list")
	if err != nil {
		return images{}, err
	}
	if len(labels.items) != r.batchLen {
		return images{}, fmt.Errorf("%d labels, want %d", len(labels.items), r.batchLen)
	}
	im := images{labels: make([]uint8, r.batchLen)}
	for i, v := range labels.items {
		label, ok := v.(int64)
		if !ok {
			return images{}, fmt.Errorf("the label of image %d is %s, want an integer", i, kind(v))
		}
		if err := checkLabel(i, label); err != nil {
			return images{}, err
		}
		im.labels[i] = uint8(label)
	}

	a, err := field[*array](d, "data", "a numpy array")
	if err != nil {
		return images{}, err
	}
	shape := []int64{int64(r.batchLen), ImageSize}
	switch {
	case string(a.dtype) != "u1":
		return images{}, fmt.Errorf("pixels of numpy type %.20q, want \"u1\" (uint8)", a.dtype)
	case !slices.Equal(a.shape, shape):
		return images{}, fmt.Errorf("pixels of shape %.100s, want %v", fmt.Sprint(a.shape), shape)
	case a.fortran:
		return images{}, fmt.Errorf("pixels in column-major (Fortran) order, want row-major")
	case len(a.data) != r.batchLen*ImageSize:
		return images{}, fmt.Errorf("%d bytes of pixels, want %d for shape %v", len(a.data), r.batchLen*ImageSize, shape)
	}
	im.planes = a.data
	return im, nil
}

// pickleLabelNames reads the class names from batches.meta.
func pickleLabelNames(data []byte) ([]string, error) {
	d, err := unpickleDict(data)
	if err != nil {
		return nil, err
	}
	l, err := field[*list](d, "label_names", "a list")
	if err != nil {
		return nil, err
	}
	var names []string
	for i, v := range l.items {
		name, ok := v.([]byte)
		if !ok {
			return nil, fmt.Errorf("class name %d is %s, want a string", i, kind(v))
		}
		names = append(names, string(name))
	}
	return names, nil
}
