package runner_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/runner"
)

// linear is softmax regression on the mean colour of an image: the smallest model that a Runner trains.
type linear struct{}

func (linear) String() string { return "linear" }

func (linear) Params() []nn.Param {
	return []nn.Param{
		{Name: "fc.weight", Dims: []int{3, cifar.NumClasses}, Trainable: true},
		{Name: "fc.bias", Dims: []int{cifar.NumClasses}, Trainable: true},
	}
}

func (m linear) Init(store *model.Store, _ uint64) error {
	return nn.CreateVariables(store, m.Params(), func(p nn.Param) []float32 { return make([]float32, p.Size()) })
}

func (linear) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	value := func(path string) *graph.Node { return scope.Store().GetVariable(path).NodeValue(images.Graph()) }
	x := graph.ReduceMean(images, 1, 2) // [batch, height, width, 3] → [batch, 3]
	return graph.Add(graph.MatMul(x, value("/fc/weight")), graph.InsertAxes(value("/fc/bias"), 0))
}

// colours are 40 images of one colour each, red or green.
func colours() *cifar.Dataset {
	d := &cifar.Dataset{Split: cifar.Train, Origin: "two colours"}
	for i := range 40 {
		class := i % 2
		for p := range cifar.ImageSize {
			v := uint8(20)
			if p%3 == class {
				v = 200
			}
			d.Pixels = append(d.Pixels, v)
		}
		d.Labels = append(d.Labels, uint16(class))
	}
	return d
}

// A model of one's own is trained, and hooks follow the training without a change to this package.
func ExampleRunner_OnStep() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	b, err := backend.New("go", io.Discard)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := runner.New(b, linear{}, dir, runner.Config{Epochs: 2, BatchSize: 10, LearningRate: 0.1, EvalSteps: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Finalize()
	r.Out = io.Discard
	r.OnStep(func(step int, s runner.Step) error {
		fmt.Printf("step %d: loss %.2f, accuracy %.0f%%\n", step, s.Loss, 100*s.Accuracy)
		return nil
	})
	r.OnEvaluation(func(e runner.Eval) error {
		fmt.Printf("evaluation after step %d: accuracy %.0f%%\n", e.Step, 100*e.Score)
		if e.Score == 1 {
			return runner.ErrStopped // good enough
		}
		return nil
	})
	fmt.Println(r.Train(context.Background(), colours(), colours()))
	// Output:
	// step 0: loss 2.30, accuracy 50%
	// step 1: loss 1.51, accuracy 100%
	// step 2: loss 0.91, accuracy 100%
	// step 3: loss 0.47, accuracy 100%
	// step 4: loss 0.24, accuracy 100%
	// evaluation after step 4: accuracy 100%
	// training stopped before its end
}
