package cifar

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/cifar/internal/pickle"
	"nndl.example/resnet18/pkg/internal/filetype"
)

// pickleBatch reads the file of batch id in the python layout. The planes share memory with data.
func (r reader) pickleBatch(id int, data []byte) (images, error) {
	d, err := unpickleDict(data)
	if err != nil {
		return images{}, err
	}
	im, err := r.pickled(d, "labels", NumClasses)
	if err != nil {
		return images{}, err
	}
	return im, checkTitle(id, d)
}

// pickled reads the labels, in the entry key, and the planes of a batch.
func (r reader) pickled(d pickle.Dict, key string, classes int) (images, error) {
	labels, err := r.labels(d, key, classes)
	if err != nil {
		return images{}, err
	}
	planes, err := r.planes(d)
	return images{labels, planes}, err
}

// batchTitle is what a published batch file of the python layout has as its "batch_label".
func batchTitle(id int) string {
	if id == testBatch {
		return "testing batch 1 of 1"
	}
	return fmt.Sprintf("training batch %d of 5", id)
}

// checkTitle returns an error for a file with the name of one batch and the title of another. Other titles, or none, are accepted.
func checkTitle(id int, d pickle.Dict) error {
	title, _ := d["batch_label"].([]byte)
	for _, other := range allBatches {
		if other != id && string(title) == batchTitle(other) {
			return fmt.Errorf("it has the name of another batch: its batch_label is %q, want %q", title, batchTitle(id))
		}
	}
	return nil
}

// labels returns a list of labels, each less than classes.
func (r reader) labels(d pickle.Dict, key string, classes int) ([]uint8, error) {
	list, err := lookup[*pickle.List](d, key, "a list")
	if err != nil {
		return nil, err
	}
	if len(list.Items) != r.batchLen {
		return nil, fmt.Errorf("%d labels, want %d", len(list.Items), r.batchLen)
	}
	labels := make([]uint8, r.batchLen)
	for i, v := range list.Items {
		label, ok := v.(int64)
		if !ok {
			return nil, fmt.Errorf("label of image %d is %s, want an integer", i, pickle.TypeName(v))
		}
		if err := checkLabel(i, label, classes); err != nil {
			return nil, err
		}
		labels[i] = uint8(label)
	}
	return labels, nil
}

// planes returns the pixels of a batch, [N, 3, 32, 32].
func (r reader) planes(d pickle.Dict) ([]uint8, error) {
	a, err := lookup[*pickle.Array](d, "data", "a numpy array")
	if err != nil {
		return nil, err
	}
	shape := []int64{int64(r.batchLen), ImageSize}
	switch {
	case a.DType != "u1":
		return nil, fmt.Errorf("pixels of dtype %q, want \"u1\" (uint8)", a.DType)
	case !slices.Equal(a.Shape, shape):
		return nil, fmt.Errorf("pixels of shape %.100s, want %v", fmt.Sprint(a.Shape), shape)
	case a.Fortran:
		return nil, fmt.Errorf("pixels in column-major (Fortran) order, want row-major")
	case len(a.Data) != r.batchLen*ImageSize:
		return nil, fmt.Errorf("%d bytes of pixels, want %d for shape %v", len(a.Data), r.batchLen*ImageSize, shape)
	}
	return a.Data, nil
}

// pickleLabelNames reads the class names from batches.meta.
func pickleLabelNames(data []byte) ([]string, error) {
	d, err := unpickleDict(data)
	if err != nil {
		return nil, err
	}
	return texts(d, "label_names")
}

// texts returns a list of class names.
func texts(d pickle.Dict, key string) (names []string, err error) {
	list, err := lookup[*pickle.List](d, key, "a list")
	if err != nil {
		return nil, err
	}
	for i, v := range list.Items {
		name, ok := v.([]byte)
		if !ok {
			return nil, fmt.Errorf("class name %d is %s, want a string", i, pickle.TypeName(v))
		}
		names = append(names, string(name))
	}
	return names, nil
}

// unpickleDict reads a file of CIFAR-10.
func unpickleDict(data []byte) (pickle.Dict, error) {
	d, err := unpickle(data)
	if err == nil && (d["fine_labels"] != nil || d["fine_label_names"] != nil) {
		return nil, errCIFAR100
	}
	return d, err
}

func unpickle(data []byte) (pickle.Dict, error) {
	v, err := pickle.Decode(data)
	if err != nil {
		return nil, notPickle(data, err)
	}
	d, ok := v.(pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("pickle contains %s, want a dictionary", pickle.TypeName(v))
	}
	return d, nil
}

// notPickle says what a file is that is not a pickle; otherwise it returns the error of decoding it.
func notPickle(data []byte, err error) error {
	format := filetype.Name(data[:min(len(data), filetype.Start)])
	lines := bytes.Count(data, []byte("\n"))
	switch {
	case format != filetype.Unknown && format != filetype.Pickle:
		return fmt.Errorf("not a batch file but %s", format)
	case lines > 1 && lines == bytes.Count(data, []byte("\r\n")):
		return fmt.Errorf("all line ends are CRLF: the file was transferred as text (by FTP or git), which changes its bytes: %w", err)
	}
	return err
}

// lookup returns the value of a key, which must have type T; want is the name of that type.
func lookup[T any](d pickle.Dict, key, want string) (T, error) {
	v, ok := d[key]
	t, fits := v.(T)
	switch {
	case !ok:
		keys := slices.Sorted(maps.Keys(d))
		return t, fmt.Errorf("no entry %q, only %.200q", key, strings.Join(keys, ", "))
	case !fits:
		return t, fmt.Errorf("entry %q is %s, want %s", key, pickle.TypeName(v), want)
	}
	return t, nil
}
