// Command sum adds numbers on XLA and reports what the backend does: the tests of pkg/backend run it in an environment of their own.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/backend"
)

func main() {
	b, err := backend.New(os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Finalize()
	const n = 3000 // 36 MB of scratch memory
	exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node {
		column, row := graph.InsertAxes(x, 1), graph.InsertAxes(x, 0)
		return graph.ReduceAllSum(graph.MatMul(row, graph.Add(graph.Mul(column, row), column)))
	})
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	for range 3 {
		sum, err := exec.Call1(ones)
		if err != nil {
			log.Fatal(err)
		}
		if got := sum.Value().(float32); got != 2*n*n {
			log.Fatalf("sum is %v, want %v", got, 2*n*n)
		}
	}
	fmt.Printf("%s; cached %v; flags %q", backend.Describe(b), backend.CachesPrograms(b), os.Getenv("XLA_FLAGS"))
}
