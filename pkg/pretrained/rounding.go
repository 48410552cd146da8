package pretrained

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

const (
	float32Type  = "F32"
	float16Type  = "F16"
	bfloat16Type = "BF16"
	int8Type     = "I8"
)

// DTypes lists the data types of kernels and matrices, safetensors' names for float32, float16, bfloat16 and int8.
var DTypes = []string{float32Type, float16Type, bfloat16Type, int8Type}

// encodeFloats rounds values to a floating-point type, to the nearest value and a tie to the even one. The error is for one that
// becomes infinite, or is not a number.
func encodeFloats(values []float32, dtype string) (data []byte, err error) {
	for _, v := range values {
		rounded := v
		switch dtype {
		case float32Type:
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		case float16Type:
			f := float16.FromFloat32(v)
			data, rounded = binary.LittleEndian.AppendUint16(data, f.Bits()), f.Float32()
		case bfloat16Type:
			f := bfloat16.FromFloat32(v)
			data, rounded = binary.LittleEndian.AppendUint16(data, f.Bits()), f.Float32()
		}
		if !finite(rounded) {
			return nil, fmt.Errorf("the weight %g is %g in %s", v, rounded, dtype)
		}
	}
	return data, nil
}

func finite(v float32) bool { return !math.IsInf(float64(v), 0) && !math.IsNaN(float64(v)) }

func decodeFloats(t safetensors.Tensor) ([]float32, error) {
	if !slices.Contains(DTypes, t.DType) {
		return nil, fmt.Errorf("dtype is %s, want one of %v", t.DType, DTypes)
	}
	return nn.Floats(t), nil
}

// encodeInt8 rounds each of n output channels to multiples of a scale, which makes its largest absolute value 127.
func encodeInt8(values []float32, n int) (data, scales []byte, err error) {
	size := len(values) / n
	for o := range n {
		channel, largest := values[o*size:][:size], float32(0)
		for _, v := range channel {
			largest = max(largest, v, -v)
		}
		if !finite(largest) {
			return nil, nil, fmt.Errorf("output channel %d has the weight %g", o, largest)
		}
		scale := largest / 127
		for _, v := range channel {
			q := 0.0
			if scale > 0 {
				q = math.RoundToEven(float64(v / scale))
			}
			data = append(data, byte(int8(max(-127, min(127, q)))))
		}
		scales = binary.LittleEndian.AppendUint32(scales, math.Float32bits(scale))
	}
	return data, scales, nil
}

func decodeInt8(t, scales safetensors.Tensor) []float32 {
	values := make([]float32, len(t.Data))
	for i, b := range t.Data {
		channel := i / (len(t.Data) / t.Shape[0])
		values[i] = float32(int8(b)) * math.Float32frombits(binary.LittleEndian.Uint32(scales.Data[4*channel:]))
	}
	return values
}
