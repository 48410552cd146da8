// Package playground is what the page of site/ computes in the reader's browser: a trained network's answer to a picture and to
// what the reader does to it, what the network sees on its way, and the training of a small network. It reads no files and no
// network; cmd/browser gives it everything.
package playground

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/resnet"
)

// Names of the networks: the chapter's library model (section 5.5.2), which has 1,000 outputs, and that of the modern recipe.
const (
	Chapter = "chapter"
	Modern  = "modern"
)

// Model is a trained network that looks at one picture at a time.
type Model struct {
	Info    pretrained.Info
	backend compute.Backend
	store   *model.Store
	network network
	outputs int
	execs   map[int]*model.Exec // by the stage of Grad-CAM
}

// network is resnet.Folded or airbench.Net.
type network interface {
	LogitsAndMaps(scope *model.Scope, images *graph.Node) (logits *graph.Node, maps []*graph.Node)
}

// Open reads the compact weights of a network, Chapter or Modern.
func Open(b compute.Backend, name string, weights []byte) (*Model, error) {
	w, err := pretrained.Open(weights)
	if err != nil {
		return nil, err
	}
	store := model.NewStore()
	load := func(params []nn.Param) error { return w.Load(store, params) }
	m := &Model{Info: w.Info, backend: b, store: store, outputs: cifar10.NumClasses, execs: map[int]*model.Exec{}}
	switch name {
	case Chapter:
		c := resnet.Library()
		m.outputs = c.NumClasses
		if err := load(c.Params()); err != nil {
			return nil, err
		}
		folded, err := c.Fold(store)
		if err != nil {
			return nil, err
		}
		m.network, m.store = folded, folded.Store
	case Modern:
		net := airbench.Net{Widths: [3]int{64, 256, 256}}
		if err := load(net.Params()); err != nil {
			return nil, err
		}
		m.network = net
	default:
		return nil, fmt.Errorf("playground: network %q: want %q or %q", name, Chapter, Modern)
	}
	return m, nil
}

// WithoutShortcuts returns the chapter's network with the same weights and its shortcuts cut. It is not a network that was trained
// without them.
func (m *Model) WithoutShortcuts() (*Model, error) {
	folded, ok := m.network.(resnet.Folded)
	if !ok {
		return nil, fmt.Errorf("playground: %s has no shortcuts", m.Info.Network)
	}
	folded.Plain = true
	return &Model{m.Info, m.backend, m.store, folded, m.outputs, map[int]*model.Exec{}}, nil
}

// View is what a network makes of a picture.
type View struct {
	Logits []float32     // one for each output
	Maps   []inspect.Map // after the first layers and after each stage
	Heat   [][]float32   // [row][column], Grad-CAM: where in the picture, from 0 (nowhere) on
}

// MostProbable asks for Grad-CAM of the class that the network predicts.
const MostProbable = -1

// Look computes the network's view of an image [32, 32, 3], with Grad-CAM for a class, or MostProbable, after a stage.
func (m *Model) Look(pixels []uint8, class, stage int) (v View, err error) {
	if len(pixels) != cifar10.ImageSize {
		return v, fmt.Errorf("playground: got %d bytes, want an image of %d", len(pixels), cifar10.ImageSize)
	}
	if class < MostProbable || class >= m.outputs {
		return v, fmt.Errorf("playground: class %d, want 0 to %d, or %d for the predicted one", class, m.outputs-1, MostProbable)
	}
	exec, err := m.exec(stage)
	if err != nil {
		return v, err
	}
	chosen := make([]float32, m.outputs)
	if class != MostProbable {
		chosen[class] = 1
	}
	image := tensors.FromFlatDataAndDimensions(pixels, 1, cifar10.Height, cifar10.Width, cifar10.Channels)
	out, err := exec.Call(image, tensors.FromFlatDataAndDimensions(chosen, 1, len(chosen)))
	if err != nil {
		return v, fmt.Errorf("playground: %w", err)
	}
	defer finalize(out)
	v.Logits = out[0].Value().([][]float32)[0]
	v.Heat = out[1].Value().([][][]float32)[0]
	for _, t := range out[2:] {
		v.Maps = append(v.Maps, t.Value().([][][][]float32)[0])
	}
	return v, nil
}

// exec returns the program with Grad-CAM after a stage, which the first call builds.
func (m *Model) exec(stage int) (*model.Exec, error) {
	if e, ok := m.execs[stage]; ok {
		return e, nil
	}
	e, err := model.NewExec(m.backend, m.store, func(s *model.Scope, images, chosen *graph.Node) []*graph.Node {
		s.Store().SetTraining(images.Graph(), false)
		logits, maps := m.network.LogitsAndMaps(s, cifar10.Normalize(images))
		if stage < 0 || stage >= len(maps) {
			exceptions.Panicf("Grad-CAM after stage %d: want 0 to %d", stage, len(maps)-1)
		}
		// The largest logit, or that of the chosen class: only its gradient matters.
		score := graph.ReduceAllMax(graph.Add(logits, graph.MulScalar(chosen, 1e6)))
		return append([]*graph.Node{logits, inspect.Heat(score, maps, stage)}, maps...)
	})
	if err == nil {
		m.execs[stage] = e
	}
	return e, err
}

func finalize(ts []*tensors.Tensor) {
	for _, t := range ts {
		t.MustFinalizeAll()
	}
}

// Probabilities returns the softmax of the logits divided by a temperature: above 1 the answer is less certain, below 1 more. Of a
// network with 1,000 outputs, the first ten are CIFAR-10's classes.
func (v View) Probabilities(temperature float64) []float64 {
	scaled := make([]float32, len(v.Logits))
	for i, l := range v.Logits {
		scaled[i] = float32(float64(l) / temperature)
	}
	return metrics.Softmax(scaled)
}
