package safetensors

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"nndl.example/resnet18/pkg/internal/filetype"
)

// foreign says what a file is that is not a safetensors file, and how to convert it; "" if its format is unknown.
func foreign(f io.ReaderAt, path string) string {
	start := make([]byte, filetype.Start)
	n, _ := f.ReadAt(start, 0)
	format := filetype.Name(start[:n])
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		format = filetype.ONNX // whose first bytes are not always the same
	}
	if format == filetype.Unknown || format == filetype.Safetensors {
		return ""
	}
	line := conversions[format]
	if format == filetype.Pickle && strings.EqualFold(filepath.Ext(path), ".pdparams") {
		line = paddle
	}
	if line == "" {
		return fmt.Sprintf("it is %s", format)
	}
	return fmt.Sprintf("it is %s; to convert it: python3 -c 'import sys; f = sys.argv[1]; %s' %s", format, line, shellescape.Quote(path))
}

// conversions are Python programs of one line that convert the file f to f.safetensors.
var conversions = map[filetype.Format]string{
	filetype.Torch:  torch,
	filetype.Pickle: torch,
	filetype.NumPy:  `import numpy, safetensors.numpy as s; s.save_file(dict(numpy.load(f)), f + ".safetensors")`,
	filetype.ONNX: `import onnx, safetensors.numpy as s; ` +
		`s.save_file({t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(f).graph.initializer}, f + ".safetensors")`,
	filetype.HDF5: `import h5py, safetensors.numpy as s; t = {}; ` +
		`h5py.File(f).visititems(lambda k, v: t.update({k: v[()]}) if hasattr(v, "dtype") else None); s.save_file(t, f + ".safetensors")`,
}

const (
	torch = `import torch, safetensors.torch as s; d = torch.load(f, "cpu", weights_only=True); ` +
		`s.save_file(d.get("state_dict", d), f + ".safetensors")`
	paddle = `import paddle, safetensors.numpy as s; ` +
		`s.save_file({k: v.numpy() for k, v in paddle.load(f).items()}, f + ".safetensors")`
)
