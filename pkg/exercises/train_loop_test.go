package exercises_test

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
	"github.com/stretchr/testify/require"

	engine "nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// The training loop of notebook 03, as its cells have it: TestLoopIsNotebooks compares the text.

const (
	LearningRate = 0.001
	WeightDecay  = 0.005
)

var network = resnet.Library()

func crossEntropy(logits, labels *Node) *Node {
	logP := LogSoftmax(logits)
	truth := OneHot(Squeeze(labels, -1), logits.Shape().Dim(-1), logits.DType())
	return Neg(ReduceAllMean(ReduceSum(Mul(truth, logP), -1)))
}

func accuracy(logits, labels *Node) *Node {
	hits := Equal(ArgMax(logits, -1, dtypes.Int32), Squeeze(labels, -1))
	return ReduceAllMean(ConvertDType(hits, dtypes.Float32))
}

func average(s *model.Scope, path string, beta float64, x, t *Node) *Node {
	keep := Scalar(x.Graph(), x.DType(), beta)
	a := s.Store().VariableWithShape(path, x.Shape(), Zeros).SetTrainable(false)
	a.SetNodeValue(Add(Mul(keep, a.NodeValue(x)), Mul(OneMinus(keep), x)))
	return Mul(a.NodeValue(x), Reciprocal(OneMinus(Pow(keep, t))))
}

func adamL2(s *model.Scope, w *model.Variable, gradient, t *Node) {
	theta := w.NodeValue(gradient)
	g := Add(gradient, MulScalar(theta, WeightDecay))
	m := average(s, "/m"+w.Path(), 0.9, g, t)
	v := average(s, "/v"+w.Path(), 0.999, Square(g), t)
	step := Div(MulScalar(m, LearningRate), AddScalar(Sqrt(v), 1e-8))
	w.SetNodeValue(Sub(theta, step))
}

func forward(s *model.Scope, images, labels *Node, training bool) (loss, acc *Node) {
	s.Store().SetTraining(images.Graph(), training)
	logits := network.Logits(s, cifar.Normalize(images))
	return crossEntropy(logits, labels), accuracy(logits, labels)
}

func trainable(store *model.Store, g *Graph) (weights []*model.Variable, values []*Node) {
	for _, p := range network.Params() {
		if p.Trainable {
			w := store.GetVariable(p.Path())
			weights, values = append(weights, w), append(values, w.NodeValue(g))
		}
	}
	return weights, values
}

func step(s *model.Scope, images, labels *Node) (loss, acc *Node) {
	loss, acc = forward(s, images, labels, true)
	weights, values := trainable(s.Store(), loss.Graph())
	t := optimizer.IncrementGlobalStep(loss.Graph(), dtypes.Float32)
	for i, gradient := range Gradient(loss, values...) {
		adamL2(s, weights[i], gradient, t)
	}
	return loss, acc
}

// TestLoopIsNotebooks: the functions above, line by line, are those of the notebook.
func TestLoopIsNotebooks(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../notebooks/03-train.ipynb")
	require.NoError(t, err)
	var notebook struct{ Cells []struct{ Source []string } }
	require.NoError(t, json.Unmarshal(data, &notebook))
	var cells strings.Builder
	for _, c := range notebook.Cells {
		cells.WriteString(strings.Join(c.Source, "") + "\n")
	}
	text, err := os.ReadFile("train_loop_test.go")
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), "", text, 0)
	require.NoError(t, err)
	functions := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "noise" || f.Name.Name == "newLoop" {
			continue
		}
		functions++
		require.Contains(t, cells.String(), strings.ReplaceAll(string(text[f.Pos()-1:f.End()-1]), "\t", "    "), f.Name.Name)
	}
	require.Equal(t, 7, functions)
}

// noise is n images of random pixels with labels.
func noise(n int) *cifar.Dataset {
	rng := rand.New(rand.NewPCG(1, 2))
	d := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize), Labels: make([]uint16, n), Origin: "noise"}
	for i := range d.Pixels {
		d.Pixels[i] = uint8(rng.UintN(256))
	}
	for i := range d.Labels {
		d.Labels[i] = uint16(rng.UintN(cifar.NumClasses))
	}
	return d
}

// newLoop prepares a fresh network's training step and its batches.
func newLoop(t *testing.T, b compute.Backend, d *cifar.Dataset, batch int, seed uint64) (*model.Exec, *cifar.Loader) {
	store := model.NewStore()
	require.NoError(t, network.Init(store, seed))
	update, err := model.NewExec(b, store, step)
	require.NoError(t, err)
	loader, err := cifar.NewLoader(b, d, batch, seed)
	require.NoError(t, err)
	t.Cleanup(func() { update.Finalize(); loader.Finalize() })
	return update, loader
}

// TestLoopIsRunner: the notebook's loop and the runner have the same losses from the same start.
func TestLoopIsRunner(t *testing.T) {
	for _, c := range []struct {
		backend string
		steps   int
	}{{engine.PureGo, 5}, {"xla:cpu", 20}} {
		t.Run(c.backend, func(t *testing.T) {
			b, err := engine.New(c.backend, io.Discard)
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(b.Finalize)
			const batch, seed = 4, 100
			d := noise(c.steps * batch)
			r, err := runner.New(b, network, t.TempDir(), runner.Config{Epochs: 1, BatchSize: batch, Seed: seed})
			require.NoError(t, err)
			t.Cleanup(r.Finalize)
			r.Out = io.Discard
			require.NoError(t, r.Train(context.Background(), d, d.Take(batch)))
			require.Len(t, r.History.Steps, c.steps)

			update, loader := newLoop(t, b, d, batch, seed)
			i := 0
			for batch, err := range loader.Epoch(0, 0) {
				require.NoError(t, err)
				loss, acc := update.MustCall2(batch.Inputs[0], batch.Labels[0])
				require.InEpsilon(t, r.History.Steps[i].Loss, tensors.ToScalar[float32](loss), 1e-5, "step %d", i)
				require.Equal(t, r.History.Steps[i].Accuracy, tensors.ToScalar[float32](acc), "step %d", i)
				i++
			}
			require.Equal(t, c.steps, i)
		})
	}
}

// TestLoopOverfitsOneBatch: the labels of a few images of noise can be learnt by heart.
func TestLoopOverfitsOneBatch(t *testing.T) {
	b, err := engine.New(engine.PureGo, io.Discard)
	require.NoError(t, err)
	t.Cleanup(b.Finalize)
	update, loader := newLoop(t, b, noise(8), 8, 100)
	for batch, err := range loader.Epoch(0, 0) {
		require.NoError(t, err)
		last := float32(1)
		for n := 0; last >= 0.01; n++ {
			require.Less(t, n, 30, "loss %g", last)
			loss, _ := update.MustCall2(batch.Inputs[0], batch.Labels[0])
			last = tensors.ToScalar[float32](loss)
		}
	}
}
