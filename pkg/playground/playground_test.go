package playground

import (
	"archive/tar"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/resnet"
)

func pureGo(t *testing.T) compute.Backend {
	t.Helper()
	b, err := backend.New(backend.PureGo, nil)
	require.NoError(t, err)
	return b
}

// weights returns a file of compact weights.
func weights(t *testing.T, init func(*model.Store, uint64) error, params []nn.Param) []byte {
	t.Helper()
	store := model.NewStore()
	require.NoError(t, init(store, 1))
	var file bytes.Buffer
	require.NoError(t, pretrained.Write(&file, store, params, pretrained.SameName, nil, pretrained.Info{Network: "a test", DType: "BF16"}))
	return file.Bytes()
}

// photo is an image whose classes differ in probability.
func photo() []uint8 {
	pixels := make([]uint8, cifar10.ImageSize)
	for i := range pixels {
		pixels[i] = uint8(i * i % 251)
	}
	return pixels
}

// TestChapter: the page's network computes what the chapter's does, with its shortcuts and without.
func TestChapter(t *testing.T) {
	b, c := pureGo(t), resnet.Library()
	file := weights(t, c.Init, c.Params())
	m, err := Open(b, Chapter, file)
	require.NoError(t, err)
	require.Equal(t, "a test", m.Info.Network)
	cut, err := m.WithoutShortcuts()
	require.NoError(t, err)

	w, err := pretrained.Open(file)
	require.NoError(t, err)
	n := inspect.Network{Config: c, Store: model.NewStore(), Backend: b}
	require.NoError(t, w.Load(n.Store, c.Params()))
	for _, m := range []*Model{m, cut} {
		view, err := m.Look(photo(), MostProbable, 2)
		require.NoError(t, err)
		logits, err := n.Logits(photo(), inspect.Evaluation, cifar10.Normalize)
		require.NoError(t, err)
		require.InDeltaSlice(t, metrics.Softmax(logits[0]), view.Probabilities(1), 1e-4)
		maps, err := n.Maps(photo())
		require.NoError(t, err)
		require.Len(t, view.Maps, len(maps))
		require.InDelta(t, maps[3][1][0][7], view.Maps[3][1][0][7], 1e-3)

		best := metrics.TopK(view.Probabilities(1), 1)[0]
		for class, heat := range map[int][][]float32{best: view.Heat, 999 - best: look(t, m, 999-best).Heat} {
			want, err := n.GradCAM(photo(), class, 2)
			require.NoError(t, err)
			for y, row := range want {
				for x, v := range row {
					require.InDelta(t, v, heat[y][x], 1e-3*max(1, v), "class %d", class)
				}
			}
		}
		n.Plain = true
	}
	_, err = m.Look(photo()[1:], MostProbable, 2)
	require.ErrorContains(t, err, "3071 bytes")
	_, err = m.Look(photo(), MostProbable, 5)
	require.ErrorContains(t, err, "stage 5")
	for _, class := range []int{-2, 1000} {
		_, err = m.Look(photo(), class, 2)
		require.ErrorContains(t, err, fmt.Sprintf("class %d, want 0 to 999", class))
	}
	_, err = Open(b, "vgg", file)
	require.ErrorContains(t, err, `"vgg"`)
	_, err = Open(b, Modern, file)
	require.ErrorIs(t, err, nn.ErrArchitecture)
	_, err = Open(b, Chapter, file[:100])
	require.ErrorIs(t, err, pretrained.ErrCorrupt)
}

func look(t *testing.T, m *Model, class int) View {
	t.Helper()
	view, err := m.Look(photo(), class, 2)
	require.NoError(t, err)
	return view
}

func TestModern(t *testing.T) {
	b, net := pureGo(t), airbench.Net{Widths: [3]int{64, 256, 256}}
	m, err := Open(b, Modern, weights(t, net.Init, net.Params()))
	require.NoError(t, err)
	view := look(t, m, 3)
	var sizes []int
	for _, m := range view.Maps {
		sizes = append(sizes, len(m), len(m[0][0]))
	}
	require.Equal(t, []int{31, 24, 15, 64, 7, 256, 3, 256}, sizes)
	require.Len(t, view.Heat, 7)
	_, err = m.WithoutShortcuts()
	require.ErrorContains(t, err, "no shortcuts")
}

func TestTemperature(t *testing.T) {
	t.Parallel()
	v := View{Logits: []float32{1, 2, 4}}
	require.InDeltaSlice(t, metrics.Softmax([]float32{0.5, 1, 2}), v.Probabilities(2), 1e-9)
}

func TestChange(t *testing.T) {
	t.Parallel()
	pixels := photo()
	at := func(p []uint8, y, x int) []uint8 { return p[(y*32+x)*3:][:3] }
	require.Equal(t, pixels, Change{}.Apply(pixels))
	shifted := Change{ShiftX: 3, ShiftY: -2}.Apply(pixels)
	require.Equal(t, at(pixels, 12, 7), at(shifted, 10, 10))
	require.Equal(t, at(pixels, 12, 1), at(shifted, 10, 2), "reflected at the left border")
	require.Equal(t, at(pixels, 30, 10), at(shifted, 30, 13), "reflected at the lower border")
	for _, shift := range []int{-31, 31, -1000, 1000} { // as far as the picture is wide, or farther
		require.Equal(t, Change{ShiftX: max(-31, min(31, shift))}.Apply(pixels), Change{ShiftX: shift}.Apply(pixels))
		require.Equal(t, at(pixels, 10, 31), at(Change{ShiftX: -31}.Apply(pixels), 10, 0))
	}
	brighter := Change{Brightness: 0.2}.Apply(pixels)
	for i, v := range pixels {
		require.EqualValues(t, min(255, int(v)+51), brighter[i])
	}
	covered := Change{Square: 4, SquareX: 30, SquareY: 1}.Apply(pixels)
	require.Equal(t, []uint8{125, 123, 114}, at(covered, 4, 31))
	require.Equal(t, at(pixels, 5, 31), at(covered, 5, 31))
	require.Equal(t, at(pixels, 4, 29), at(covered, 4, 29))
}

// stripes are images whose class is the width of their stripes.
func stripes(n int) *cifar10.Dataset {
	d := cifar10.New(cifar10.Train, n)
	for i := range n {
		d.Labels[i] = uint16(i % 10)
		for p := range cifar10.ImageSize {
			d.Pixels[i*cifar10.ImageSize+p] = uint8(120 + 100*math.Sin(float64(i/10)+float64(p/3%32)*float64(1+i%10)/4))
		}
	}
	return d
}

func TestTraining(t *testing.T) {
	b := pureGo(t)
	params := map[bool]int{}
	for _, shortcuts := range []bool{true, false} {
		d := stripes(40)
		training, err := NewTraining(b, d, shortcuts, 1)
		require.NoError(t, err)
		params[shortcuts] = training.Params
		first, err := training.Step(0.05)
		require.NoError(t, err)
		require.InDelta(t, math.Log(10), first, 1)
		last := 0.0
		for range 24 {
			last, err = training.Step(0.05)
			require.NoError(t, err)
		}
		require.Less(t, last, 0.7*first, "shortcuts %v", shortcuts)
		require.Equal(t, 25, training.Steps)
		loss, accuracy, err := training.Evaluate(d)
		require.NoError(t, err)
		require.Greater(t, loss, 0.0)
		require.InDelta(t, math.Round(40*accuracy), 40*accuracy, 1e-3, "a share of 40 images")
		requireLikeliest(t, training)
	}
	require.Equal(t, params[false]+16*16+2*16+16*32+2*32+32*64+2*64, params[true], "three projections with their batch norms")
	_, err := NewTraining(b, stripes(5), true, 1)
	require.ErrorContains(t, err, "5 training images")
}

// requireLikeliest checks that of an image's ten labels the one with the smallest loss counts as right.
func requireLikeliest(t *testing.T, training *Training) {
	one, losses, right := stripes(1), []float64{}, []int{}
	for label := range 10 {
		one.Labels[0] = uint16(label)
		loss, accuracy, err := training.Evaluate(one)
		require.NoError(t, err)
		losses = append(losses, loss)
		if accuracy == 1 {
			right = append(right, label)
		}
	}
	require.Equal(t, []int{slices.Index(losses, slices.Min(losses))}, right)
}

// TestLearningRate: with the rate 0 no weight changes, so the loss on the same images only moves with their order.
func TestLearningRate(t *testing.T) {
	training, err := NewTraining(pureGo(t), stripes(BatchSize), true, 1)
	require.NoError(t, err)
	first, err := training.Step(0)
	require.NoError(t, err)
	second, err := training.Step(0)
	require.NoError(t, err)
	require.InDelta(t, first, second, 1e-4)
}

func TestReadImages(t *testing.T) {
	t.Parallel()
	archive := func(name string) []byte {
		var picture, file bytes.Buffer
		img := image.NewNRGBA(image.Rect(0, 0, 32, 32))
		for i := range img.Pix {
			img.Pix[i] = 200
		}
		img.Set(0, 0, color.White)
		require.NoError(t, jpeg.Encode(&picture, img, nil))
		w := tar.NewWriter(&file)
		for _, n := range []string{"train/00004_cat.jpg", name} {
			require.NoError(t, w.WriteHeader(&tar.Header{Name: n, Size: int64(picture.Len()), Mode: 0o644}))
			_, err := w.Write(picture.Bytes())
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		return file.Bytes()
	}
	im, err := ReadImages(archive("test/00017_ship.jpg"))
	require.NoError(t, err)
	require.Equal(t, []uint16{3}, im.Train.Labels)
	require.Equal(t, []uint16{8}, im.Test.Labels)
	require.Equal(t, []int{17}, im.TestIndices)
	require.Len(t, im.Test.Pixels, cifar10.ImageSize)
	for _, bad := range []string{"test/00017_snake.jpg", "test/ship.jpg", "dev/00017_ship.jpg"} {
		_, err = ReadImages(archive(bad))
		require.ErrorContains(t, err, bad)
	}
	_, err = ReadImages([]byte("no archive"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
