// Package pretrained reads and writes trained weights in a compact form, in which they come with the project.
//
// A file is a gzipped safetensors file with PyTorch's names and layouts. It saves in two ways:
//
//   - Kernel positions that no pixel of a 32×32 image reaches are left out: of a kernel [out, in, k, k] the file has a square
//     of rows and columns, from that on which the metadata names. Load sets the others to zero.
//   - Kernels and matrices are bfloat16, float16, or int8 with a scale for each output channel. Vectors, such as batch norm's,
//     stay float32.
//
// The metadata has the accuracy of these weights beside that of the float32 ones, and where they come from: see Info.
//
// The package needs neither the images nor a backend, so that a program compiled to WebAssembly can use it.
package pretrained

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"nndl.example/resnet18/pkg/safetensors"
)

// ErrCorrupt reports a file that is damaged or not in the compact form.
var ErrCorrupt = errors.New("corrupt file, or not compact weights")

// Info says what the weights are, how good they are and where they come from.
type Info struct {
	Network         string  `json:"network"`              // the model's String
	DType           string  `json:"dtype"`                // of kernels and matrices, one of DTypes
	Accuracy        float64 `json:"accuracy"`             // of these weights on the test set, 0 to 1
	AccuracyFloat32 float64 `json:"accuracy_float32"`     // of the weights before rounding
	Changed         int     `json:"changed"`              // test images whose answer differs from that of the float32 weights
	TestImages      int     `json:"test_images"`          // number of test images
	Evaluation      string  `json:"evaluation,omitempty"` // test-time augmentation of both accuracies; "" for none
	Data            string  `json:"data"`                 // origin of the images
	Run             string  `json:"run"`                  // the run that trained them
	Commit          string  `json:"commit"`               // of the program that wrote the file
	Command         string  `json:"command"`              // that wrote the file
}

// Weights are the content of a file.
type Weights struct {
	Info  Info
	file  *safetensors.File
	first map[string]int // for a cropped kernel the row and column of its first stored value
}

const (
	formatKey = "format"
	format    = "nndl-compact-1"
	infoKey   = "info"
	firstKey  = "first"

	// scaleSuffix is the ending of the tensor that has the scales of an int8 tensor, one for each output channel.
	scaleSuffix = ".scale"
	// historyPrefix begins the names of tensors that are not weights: see Others.
	historyPrefix = "history/"

	// maxUnpacked is the largest file that Open unpacks, in bytes: ResNet-34 in float32 has 87 MB.
	maxUnpacked = 128 << 20
)

// Open reads a file, gzipped or already unpacked, as a web server's Content-Encoding leaves it. It checks all but the names and
// shapes of the weights, which Load compares with the network's.
func Open(data []byte) (*Weights, error) {
	data, err := unpack(data)
	if err != nil {
		return nil, err
	}
	w := &Weights{first: map[string]int{}}
	if w.file, err = safetensors.Read(bytes.NewReader(data), int64(len(data))); err != nil {
		return nil, fmt.Errorf("pretrained: %w: %w", ErrCorrupt, err)
	}
	if got := w.file.Metadata[formatKey]; got != format {
		return nil, fmt.Errorf("pretrained: %w: format is %.50q, want %q", ErrCorrupt, got, format)
	}
	for key, to := range map[string]any{infoKey: &w.Info, firstKey: &w.first} {
		if err := json.Unmarshal([]byte(w.file.Metadata[key]), to); err != nil {
			return nil, fmt.Errorf("pretrained: %w: metadata %q: %w", ErrCorrupt, key, err)
		}
	}
	return w, nil
}

func unpack(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) { // gzip's first bytes
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("pretrained: %w: %w", ErrCorrupt, err)
	case len(data) > maxUnpacked:
		return nil, fmt.Errorf("pretrained: %w: it has more than %d bytes when unpacked", ErrCorrupt, maxUnpacked)
	}
	return data, nil
}

// Others returns the tensors that are not weights, such as the training's history.
func (w *Weights) Others() (ts []safetensors.Tensor, err error) {
	for _, name := range w.file.Names() {
		if !strings.HasPrefix(name, historyPrefix) {
			continue
		}
		t, err := w.file.Tensor(name)
		if err != nil {
			return nil, fmt.Errorf("pretrained: %w", err)
		}
		ts = append(ts, t)
	}
	return ts, nil
}
