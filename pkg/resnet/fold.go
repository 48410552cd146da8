package resnet

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
)

// Folded is a trained network prepared for predictions, one image at a time: every batch norm is folded into the convolution
// before it, and kernels keep only the positions that a pixel reaches. It computes the network's logits in evaluation mode, up
// to rounding. The chapter's network needs 38% of the memory, and on the pure-Go backend, whose time for one image goes into
// reading and rearranging the weights, a fraction of the time.
type Folded struct {
	Config
	Store *model.Store // NAME.weight and NAME.bias of each convolution, and the last layer
}

// Fold returns the network with the weights of a store, which is only read.
func (c Config) Fold(store *model.Store) (Folded, error) {
	c = c.withDefaults()
	f := Folded{c, model.NewStore()}
	for _, cv := range c.convs() {
		if err := f.fold(store, cv); err != nil {
			return f, fmt.Errorf("resnet: fold: %w", err)
		}
	}
	ps := c.Params()
	for _, p := range ps[len(ps)-2:] { // fc
		values, err := nn.Values(store, p)
		if err == nil {
			err = nn.SetValues(f.Store, p, values)
		}
		if err != nil {
			return f, fmt.Errorf("resnet: fold: %w", err)
		}
	}
	return f, nil
}

// fold stores a convolution with its batch norm: the live part of the kernel times the norm's scale, and a bias.
func (f Folded) fold(store *model.Store, cv conv) error {
	read := func(name string, dims ...int) (v []float32, err error) {
		return nn.Values(store, nn.Param{Name: name, Dims: dims})
	}
	kernel, err := read(cv.name + ".weight")
	if err != nil {
		return err
	}
	var norm [4][]float32
	for i, name := range []string{".weight", ".bias", ".running_mean", ".running_var"} {
		if norm[i], err = read(cv.norm + name); err != nil {
			return err
		}
	}
	scale, bias := make([]float32, cv.out), make([]float32, cv.out)
	for o := range scale {
		scale[o] = float32(float64(norm[0][o]) / math.Sqrt(float64(norm[3][o])+nn.Epsilon))
		bias[o] = norm[1][o] - norm[2][o]*scale[o]
	}
	weight, at := f.param(cv)
	values := make([]float32, weight.Size())
	first, last := nn.LiveKernelRange(cv.sizeIn, cv.sizeOut, cv.kernel, cv.stride)
	row := 0
	for i := first; i <= last; i++ {
		for j := first; j <= last; j++ {
			for c := range cv.in {
				from := kernel[((i*cv.kernel+j)*cv.in+c)*cv.out:][:cv.out]
				for o, w := range from {
					values[at(row, o)] = w * scale[o]
				}
				row++
			}
		}
	}
	if err := nn.SetValues(f.Store, weight, values); err != nil {
		return err
	}
	return nn.SetValues(f.Store, nn.Param{Name: cv.name + ".bias", Dims: []int{cv.out}}, bias)
}

// param describes a folded kernel, a matrix, and where it has the value of an input row and an output. For maps of one or four
// positions the outputs are its rows: a product with so few rows reads each weight only once or twice, best in sequence.
func (Folded) param(cv conv) (p nn.Param, at func(row, out int) int) {
	first, last := nn.LiveKernelRange(cv.sizeIn, cv.sizeOut, cv.kernel, cv.stride)
	rows := (last - first + 1) * (last - first + 1) * cv.in
	if outputsFirst(cv) {
		return nn.Param{Name: cv.name + ".weight", Dims: []int{cv.out, rows}}, func(row, out int) int { return out*rows + row }
	}
	return nn.Param{Name: cv.name + ".weight", Dims: []int{rows, cv.out}}, func(row, out int) int { return row*cv.out + out }
}

func outputsFirst(cv conv) bool { return cv.sizeOut <= 2 }

// Logits is Config.Logits.
func (f Folded) Logits(scope *model.Scope, images *Node) *Node {
	logits, _ := f.LogitsAndMaps(scope, images)
	return logits
}

// LogitsAndMaps is Config.LogitsAndMaps for images of 32×32.
func (f Folded) LogitsAndMaps(scope *model.Scope, images *Node) (logits *Node, maps []*Node) {
	images.AssertDims(-1, 32, 32, f.InChannels)
	v := nn.NewVariables(scope, images.Graph())
	return f.build(images, network{v, func(x *Node, cv conv) *Node {
		columns, contract := nn.Im2col(x, cv.kernel, cv.stride), 0
		if outputsFirst(cv) {
			contract = 1
		}
		y := DotGeneral(Reshape(columns, -1, columns.Shape().Dim(3)), []int{1}, nil, v.Value(cv.name+".weight"), []int{contract}, nil)
		y = Add(y, InsertAxes(v.Value(cv.name+".bias"), 0))
		return Reshape(y, -1, cv.sizeOut, cv.sizeOut, cv.out)
	}})
}
