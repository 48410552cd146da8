//go:build js && wasm

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/picture"
	"nndl.example/resnet18/pkg/playground"
)

// server keeps what the page has loaded.
type server struct {
	backend     compute.Backend
	models      map[string]*playground.Model // "chapter", "modern", and "cut", the chapter's without shortcuts
	train, test *cifar10.Dataset
	training    *playground.Training
}

func newServer(b compute.Backend) *server {
	return &server{backend: b, models: map[string]*playground.Model{}}
}

func (s *server) call(method string, request, content []byte) (result any, err error) {
	switch method {
	case "load":
		return with(request, func(q loadRequest) (any, error) { return s.load(q, content) })
	case "images":
		return s.readImages(content)
	case "picture":
		pixels, _, err := picture.Decode(content)
		return pixels, err
	case "look":
		return with(request, s.look)
	case "train":
		return with(request, s.begin)
	case "step":
		return with(request, s.step)
	}
	return nil, fmt.Errorf("unknown method %q", method)
}

// with decodes a request and answers it.
func with[T any](request []byte, answer func(T) (any, error)) (any, error) {
	var q T
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	return answer(q)
}

type loadRequest struct{ Model string }

// load reads compact weights and returns what they say about themselves.
func (s *server) load(q loadRequest, weights []byte) (any, error) {
	m, err := playground.Open(s.backend, q.Model, weights)
	if err != nil {
		return nil, err
	}
	s.models[q.Model] = m
	if q.Model == playground.Chapter {
		if s.models["cut"], err = m.WithoutShortcuts(); err != nil {
			return nil, err
		}
	}
	return m.Info, nil
}

type testImage struct {
	Index, Label int
	Pixels       []byte
}

// readImages reads CIFAR-10's images, those to train on or those of the test set, and returns the latter.
func (s *server) readImages(archive []byte) (any, error) {
	images, err := playground.ReadImages(archive)
	if err != nil {
		return nil, err
	}
	if images.Train.Len() > 0 {
		s.train = images.Train
	}
	if images.Test.Len() > 0 {
		s.test = images.Test
	}
	test := []testImage{}
	for i, index := range images.TestIndices {
		test = append(test, testImage{index, int(images.Test.Labels[i]), images.Test.Pixels[i*cifar10.ImageSize:][:cifar10.ImageSize]})
	}
	return test, nil
}

type lookRequest struct {
	Model       string
	Pixels      []byte
	Change      playground.Change
	Temperature float64
	Class       int     // of Grad-CAM; playground.MostProbable for the predicted one
	Stage       int     // of Grad-CAM
	Channels    [][]int // of each map, to be shown again; none chooses the most active
}

type lookResult struct {
	Pixels        []byte    // the picture as the network sees it
	Probabilities []float64 // of the ten classes, then of all other outputs together, if the network has others
	Heat          [][]float32
	Maps          []mapResult
}

// mapResult is the most active channels of a feature map, as bytes from 0 to the largest value of the map.
type mapResult struct {
	Size, Channels, Silent int
	Shown                  []int
	Values                 []byte // [shown, size, size]
}

func (s *server) look(q lookRequest) (any, error) {
	m, ok := s.models[q.Model]
	if !ok {
		return nil, fmt.Errorf("model %q is not loaded", q.Model)
	}
	if len(q.Pixels) != cifar10.ImageSize || !(q.Temperature > 0) {
		return nil, fmt.Errorf("%d bytes at temperature %g: want a picture of %d and a positive temperature", len(q.Pixels), q.Temperature, cifar10.ImageSize)
	}
	pixels := q.Change.Apply(q.Pixels)
	view, err := m.Look(pixels, q.Class, q.Stage)
	if err != nil {
		return nil, err
	}
	result := lookResult{Pixels: pixels, Probabilities: tenAndOthers(view.Probabilities(q.Temperature)), Heat: view.Heat}
	for i, featureMap := range view.Maps {
		var shown []int
		if i < len(q.Channels) {
			shown = q.Channels[i]
		}
		result.Maps = append(result.Maps, drawMap(featureMap, shown))
	}
	return result, nil
}

// tenAndOthers adds up the probabilities of the outputs that are none of CIFAR-10's classes.
func tenAndOthers(p []float64) []float64 {
	if len(p) == cifar10.NumClasses {
		return p
	}
	others := 0.0
	for _, v := range p[cifar10.NumClasses:] {
		others += v
	}
	return append(slices.Clone(p[:cifar10.NumClasses]), others)
}

// drawMap draws a feature map's channels: 16 of them, or all of a map that has one position.
func drawMap(m inspect.Map, shown []int) mapResult {
	n, channels := 16, len(m[0][0])
	if len(m) == 1 {
		n = channels
	}
	active, silent := m.MostActive(n)
	if slices.Sort(active); len(shown) == 0 || slices.Max(shown) >= channels {
		shown = active
	}
	largest := float32(0)
	for _, row := range m {
		for _, at := range row {
			largest = max(largest, slices.Max(at))
		}
	}
	result := mapResult{Size: len(m), Channels: channels, Silent: silent, Shown: shown}
	for _, c := range shown {
		for _, row := range m {
			for _, at := range row {
				result.Values = append(result.Values, uint8(255*max(0, at[c])/max(largest, 1e-9)))
			}
		}
	}
	return result
}

type trainRequest struct {
	Shortcuts bool
	Seed      uint64
}

type trainResult struct{ Images, TestImages, BatchSize, Params int }

// begin begins a training.
func (s *server) begin(q trainRequest) (any, error) {
	if s.train == nil || s.test == nil {
		return nil, errors.New("the images are not loaded")
	}
	var err error
	s.training, err = playground.NewTraining(s.backend, s.train, q.Shortcuts, q.Seed)
	if err != nil {
		return nil, err
	}
	return trainResult{s.train.Len(), s.test.Len(), playground.BatchSize, s.training.Params}, nil
}

type stepRequest struct {
	LearningRate float64
	Evaluate     bool // also on the test images
}

type stepResult struct {
	Step         int
	Loss         *float64 // null if it is not a number
	TestAccuracy *float64 `json:",omitempty"`
}

// step makes one training step.
func (s *server) step(q stepRequest) (any, error) {
	if s.training == nil {
		return nil, errors.New("no training has begun")
	}
	loss, err := s.training.Step(q.LearningRate)
	if err != nil {
		return nil, err
	}
	result := stepResult{Step: s.training.Steps}
	if loss-loss == 0 { // JSON has neither infinity nor NaN
		result.Loss = &loss
	}
	if q.Evaluate {
		_, accuracy, err := s.training.Evaluate(s.test)
		if err != nil {
			return nil, err
		}
		result.TestAccuracy = &accuracy
	}
	return result, nil
}
