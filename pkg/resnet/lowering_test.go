package resnet

import (
	"fmt"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
)

// convolutionShapes lists every different convolution of the network.
func convolutionShapes() map[string]conv {
	all := map[string]conv{}
	for _, c := range []Config{{}, {Stem: CIFARStem}} {
		stem, _, blocks := c.architecture(32)
		convs := []conv{stem}
		for _, b := range blocks {
			convs = append(convs, b.conv1, b.conv2)
			if b.projection != nil {
				convs = append(convs, *b.projection)
			}
		}
		for _, v := range convs {
			all[fmt.Sprintf("%dx%d_on_%d_stride_%d_%d_to_%d", v.kernel, v.kernel, v.sizeIn, v.stride, v.in, v.out)] = v
		}
	}
	return all
}

func TestConvolutionsAgree(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		for name, c := range convolutionShapes() {
			t.Run(name, func(t *testing.T) {
				batch := 2
				if testing.Short() && c.sizeIn*c.in > 1024 {
					t.Skip("large")
				}
				lower := func(f nn.Convolution) func([]*graph.Node) *graph.Node {
					return func(in []*graph.Node) *graph.Node { return f(in[0], in[1], c.stride) }
				}
				graphtest.RequireSame(t, b, lower(nn.ConvolutionFor(b, "native")), lower(nn.ConvolutionFor(b, "matmul")), []int{batch, c.sizeOut, c.sizeOut, c.out},
					graphtest.Random(batch, c.sizeIn, c.sizeIn, c.in), graphtest.Random(c.kernel, c.kernel, c.in, c.out))
			})
		}
	})
}
