package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// every makes one figure of each kind.
func every() map[string]func() (*Figure, error) {
	tile := func(c color.Color) image.Image {
		img := image.NewNRGBA(image.Rect(0, 0, 32, 32))
		for i := range 1024 {
			img.Set(i%32, i/32, c)
		}
		return img
	}
	reds := []image.Image{tile(color.NRGBA{255, 0, 0, 255}), tile(color.NRGBA{0, 0, 255, 255}), tile(color.White)}
	line := []float64{0.5, 2, 1, 4, 3}
	return map[string]func() (*Figure, error){
		"curves": func() (*Figure, error) {
			return Curves(Axes{Title: "two lines", XLabel: "step", YLabel: "loss", LogY: true},
				Series{Name: "train", Y: line}, Series{Name: "dev", X: []float64{0, 4}, Y: []float64{1, 2}, Points: true, Best: "best", BestAt: 1})
		},
		"training": func() (*Figure, error) {
			return TrainingCurves(Training{Title: "run", TrainSteps: []int{0, 1, 2}, TrainLoss: []float64{3, 2, 1},
				DevSteps: []int{1, 2}, DevLoss: []float64{2, 1.5}, DevScore: []float64{0.4, 0.6}, TrainScoreSteps: []int{2}, TrainScore: []float64{0.7}})
		},
		"bars": func() (*Figure, error) {
			return Bars(Axes{Title: "classes", XMax: new(1.0)}, []string{"cat", "dog"}, []float64{0.25, 0.75}, 1)
		},
		"confusion": func() (*Figure, error) { return Confusion([][]int{{3, 1}, {0, 4}}, []string{"cat", "dog"}) },
		"histogram": func() (*Figure, error) { return Histogram(Axes{XLabel: "weight"}, 4, Series{Name: "kernel", Y: line}) },
		"reliability": func() (*Figure, error) {
			bins, err := Calibration([]float64{0.95, 0.9, 0.55, 0.2}, []bool{true, true, false, false}, 10)
			if err != nil {
				return nil, err
			}
			return Reliability("model", bins)
		},
		"images": func() (*Figure, error) { return Images(reds, []string{"red", "blue", "white\nsecond line"}, 2, 3) },
		"marked": func() (*Figure, error) {
			return Grid{Images: reds, Captions: []string{"a", "b", "c"}, Marks: []Mark{Correct, Wrong, Unmarked}, Title: "marks"}.Figure()
		},
		"heat": func() (*Figure, error) { return Heat(reds[0], [][]float64{{0, 1}, {2, 3}}, 3) },
	}
}

// texts collects what an SVG file says, and fails if it is not well-formed XML.
func texts(t *testing.T, svg []byte) string {
	t.Helper()
	var all bytes.Buffer
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all.String()
		}
		require.NoError(t, err)
		if c, ok := token.(xml.CharData); ok {
			all.Write(c)
			all.WriteByte(' ')
		}
	}
}

func TestEveryFigure(t *testing.T) {
	t.Parallel()
	says := map[string][]string{
		"curves": {"two lines", "step", "loss", "train", "dev", "best"}, "training": {"run", "train", "dev"}, "bars": {"classes", "cat", "dog", "0.75"},
		"confusion": {"cat", "dog", "3", "4"}, "histogram": {"weight", "kernel"}, "reliability": {"model"}, "images": {"red", "blue", "second line"}, "marked": {"marks", "a"}, "heat": {"heat map"},
	}
	for name, make := range every() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fig, err := make()
			require.NoError(t, err)
			text := texts(t, fig.SVG())
			for _, want := range says[name] {
				require.Contains(t, text, want)
			}
			again, err := make()
			require.NoError(t, err)
			require.Equal(t, fig.SVG(), again.SVG(), "the same data must give the same bytes")

			img, err := png.Decode(bytes.NewReader(fig.PNG()))
			require.NoError(t, err)
			w, h := fig.Size()
			require.GreaterOrEqual(t, float64(img.Bounds().Dx()), w)
			require.GreaterOrEqual(t, float64(img.Bounds().Dy()), math.Floor(h))

			html := fig.Captioned("what to see: a < b").HTML()
			require.Contains(t, html, "what to see: a &lt; b")
			require.NotContains(t, html, "http", "a figure needs no network")
			require.NoError(t, fig.Show(), "outside a notebook, Show does nothing")
			for _, ext := range []string{".svg", ".png"} {
				path := filepath.Join(t.TempDir(), "figure"+ext)
				require.NoError(t, fig.Save(path))
				require.FileExists(t, path)
			}
			require.ErrorContains(t, fig.Save(filepath.Join(t.TempDir(), "figure.bmp")), "figure.bmp")
			require.ErrorIs(t, fig.Save(filepath.Join(t.TempDir(), "none", "figure.svg")), os.ErrNotExist)
		})
	}
}

func TestRowShowsAllParts(t *testing.T) {
	t.Parallel()
	a, err := Bars(Axes{Title: "left"}, []string{"x"}, []float64{1})
	require.NoError(t, err)
	b, err := Bars(Axes{Title: "right"}, []string{"y"}, []float64{2})
	require.NoError(t, err)
	text := texts(t, Row(a, b).SVG())
	require.Contains(t, text, "left")
	require.Contains(t, text, "right")
}

func TestBadData(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, err := range map[string]error{
		"no series":            second(Curves(Axes{})),
		"no points":            second(Curves(Axes{}, Series{Name: "empty"})),
		"NaN":                  second(Curves(Axes{}, Series{Y: []float64{nan}})),
		"lengths":              second(Curves(Axes{}, Series{X: []float64{1}, Y: []float64{1, 2}})),
		"log of zero":          second(Curves(Axes{LogY: true}, Series{Y: []float64{0}})),
		"best outside":         second(Curves(Axes{}, Series{Y: []float64{1}, Best: "b", BestAt: 3})),
		"infinite limit":       second(Curves(Axes{YMin: new(math.Inf(1))}, Series{Y: []float64{1}})),
		"no bars":              second(Bars(Axes{}, nil, nil)),
		"bars and labels":      second(Bars(Axes{}, []string{"a"}, []float64{1, 2})),
		"negative bar":         second(Bars(Axes{}, []string{"a"}, []float64{-1})),
		"highlight outside":    second(Bars(Axes{}, []string{"a"}, []float64{1}, 5)),
		"no classes":           second(Confusion(nil, nil)),
		"ragged matrix":        second(Confusion([][]int{{1, 2}, {3}}, []string{"a", "b"})),
		"negative count":       second(Confusion([][]int{{-1}}, []string{"a"})),
		"no bins":              second(Histogram(Axes{}, 0, Series{Y: []float64{1}})),
		"histogram of nothing": second(Histogram(Axes{}, 3)),
		"no images":            second(Images(nil, nil, 1, 1)),
		"nil image":            second(Images([]image.Image{nil}, nil, 1, 1)),
		"captions":             second(Images([]image.Image{image.White}, []string{"a", "b"}, 1, 1)),
		"heat without image":   second(Heat(nil, [][]float64{{1}}, 1)),
		"ragged heat":          second(Heat(image.NewGray(image.Rect(0, 0, 2, 2)), [][]float64{{1, 2}, {3}}, 1)),
		"ragged map":           mapError(MapImage([][]float64{{1, 2}, {3}})),
		"channels":             mapError(RGBImage([][]float64{{1}}, [][]float64{{1}, {2}}, [][]float64{{1}})),
		"training":             second(TrainingCurves(Training{})),
		"training lengths":     second(TrainingCurves(Training{TrainSteps: []int{1}, TrainLoss: []float64{1, 2}})),
		"confidence":           binsError(Calibration([]float64{1.5}, []bool{true}, 10)),
		"confidences":          binsError(Calibration([]float64{0.5}, nil, 10)),
	} {
		require.ErrorContains(t, err, "chart: ", name)
	}
}

func second(_ *Figure, err error) error       { return err }
func mapError(_ image.Image, err error) error { return err }
func binsError(_ []Bin, err error) error      { return err }

func TestCalibration(t *testing.T) {
	t.Parallel()
	bins, err := Calibration([]float64{0.95, 0.85, 0.95, 0.15}, []bool{true, false, true, false}, 10)
	require.NoError(t, err)
	// Half of the answers are in the bin of 0.95 and all right: off by 0.05; the others are wrong.
	require.InDelta(t, 0.5*0.05+0.25*0.85+0.25*0.15, ECE(bins), 1e-9)
}

func TestSmooth(t *testing.T) {
	t.Parallel()
	require.Len(t, Smooth([]float64{1, 2, 3, 4}, 2), 4)
	for _, v := range Smooth([]float64{5, 5, 5, 5}, 3) {
		require.InDelta(t, 5, v, 1e-12)
	}
}
