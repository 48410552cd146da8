package runner

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/pretrained"
)

// renamed is a toy whose variables have other names.
type renamed struct{ toy }

func (m renamed) Params() (ps []nn.Param) {
	for _, p := range m.toy.Params() {
		p.Name = "our." + p.Name
		ps = append(ps, p)
	}
	return ps
}

func (renamed) TorchName(name string) string { return strings.TrimPrefix(name, "our.") }

// compactToy trains a toy and returns its runner and its compact file.
func compactToy(t *testing.T) (*Runner, []byte) {
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), toyConfig)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	var b bytes.Buffer
	require.NoError(t, r.WriteCompact(&b, pretrained.Info{DType: "F32", Accuracy: 0.25}))
	return r, b.Bytes()
}

// What WriteCompact writes, LoadCompact reads: weights and history, but for the durations of the steps.
func TestCompact(t *testing.T) {
	t.Parallel()
	trained, file := compactToy(t)
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), toyConfig)
	require.Empty(t, r.LoadedFrom())
	info, err := r.LoadCompact(file, "the project's")
	require.NoError(t, err)
	require.Equal(t, pretrained.Info{Network: toy{}.String(), DType: "F32", Accuracy: 0.25}, info)
	require.Equal(t, "the project's", r.LoadedFrom())
	want := trained.History
	want.Steps = untimed(want.Steps)
	require.Equal(t, want, r.History)
	for _, p := range (toy{}).Params() {
		x, err1 := nn.Values(trained.Store(), p)
		y, err2 := nn.Values(r.Store(), p)
		require.NoError(t, err1)
		require.NoError(t, err2)
		require.Equal(t, x, y)
	}
	before, err := trained.Predict(toyDev().Pixels)
	require.NoError(t, err)
	after, err := r.Predict(toyDev().Pixels)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// A model with names of its own gets its weights, too. (It has no graph that uses them here.)
func TestCompactRenamed(t *testing.T) {
	t.Parallel()
	trained, file := compactToy(t)
	m := renamed{}
	r := &Runner{model: m, store: trained.Store()}
	_, err := r.LoadCompact(file, "the project's")
	require.NoError(t, err)
	for i, p := range m.Params() {
		x, err1 := nn.Values(trained.Store(), toy{}.Params()[i])
		y, err2 := nn.Values(r.Store(), p)
		require.NoError(t, err1)
		require.NoError(t, err2)
		require.Equal(t, x, y)
	}
	var b bytes.Buffer
	require.NoError(t, r.WriteCompact(&b, pretrained.Info{DType: "F32"}))
	back, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), toyConfig)
	_, err = back.LoadCompact(b.Bytes(), "from the renamed")
	require.NoError(t, err)
}

// A damaged file and one of another network are told apart, and leave the runner as it was.
func TestCompactBad(t *testing.T) {
	t.Parallel()
	_, file := compactToy(t)
	flipped := bytes.Clone(file)
	flipped[len(flipped)/2] ^= 1
	for _, test := range []struct {
		m    toy
		data []byte
		is   error
	}{{toy{}, flipped, ErrCorrupt}, {toy{}, nil, ErrCorrupt}, {toy{classes: 7}, file, ErrArchitecture}} {
		r, _ := newToy(t, goBackend(t), test.m, t.TempDir(), toyConfig)
		before, err := r.Predict(toyDev().Pixels)
		require.NoError(t, err)
		_, err = r.LoadCompact(test.data, "here.gz")
		require.ErrorIs(t, err, test.is)
		require.ErrorContains(t, err, "here.gz")
		after, err := r.Predict(toyDev().Pixels)
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.Empty(t, r.History)
		require.Empty(t, r.LoadedFrom())
	}
}
