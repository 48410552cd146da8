package safetensors_test

import (
	"bytes"
	"fmt"

	"nndl.example/resnet18/pkg/safetensors"
)

func Example() {
	var file bytes.Buffer
	err := safetensors.Write(&file, []safetensors.Tensor{
		{Name: "fc.weight", DType: "F32", Shape: []int{1, 2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}}, // 1 and 2
		{Name: "fc.bias", DType: "F32", Shape: []int{1}, Data: make([]byte, 4)},
	}, map[string]string{"format": "pt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Metadata)
	for _, name := range f.Names() {
		e, _ := f.Entry(name)
		fmt.Println(name, e.DType, e.Shape)
	}
	// Output:
	// map[format:pt]
	// fc.weight F32 [1 2]
	// fc.bias F32 [1]
}
