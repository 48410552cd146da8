// Batchnorm prints the gradient of GoMLX's batch norm: batchnorm BACKEND [native]. Shifting x by a constant does not change the output, so
// the sum of the gradient over the batch is 0; GoMLX's portable implementation stops the gradient at the batch statistics, and the sum is
// not 0.
package main

import (
	"fmt"
	"os"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	_ "github.com/gomlx/go-xla/compute/xla"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
)

func main() {
	b, err := compute.NewWithConfig(os.Args[1])
	if err != nil {
		panic(err)
	}
	store := model.NewStore()
	exec, err := model.NewExec(b, store, func(s *model.Scope, x *Node) *Node {
		store.SetTraining(x.Graph(), true)
		y := norm.BatchNorm(s, x, -1).UseBackendInference(len(os.Args) > 2).Done()
		return Gradient(ReduceAllSum(Mul(Square(y), y)), x)[0]
	})
	if err != nil {
		panic(err)
	}
	out, err := exec.Call1([][]float32{{1}, {2}, {4}, {8}})
	fmt.Println(os.Args[1], out, err)
}
