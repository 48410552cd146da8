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
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var classes = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// plain returns an image of one colour.
func plain(w, h int, c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	return img
}

// history returns the history of an invented training run.
func history(steps, evals int) Training {
	r := rand.New(rand.NewSource(1))
	var t Training
	for s := range steps {
		t.TrainSteps = append(t.TrainSteps, s)
		t.TrainLoss = append(t.TrainLoss, 7*math.Exp(-float64(s)/20)+0.5+0.1*r.Float64())
	}
	for e := range evals {
		t.DevSteps = append(t.DevSteps, (e+1)*steps/evals)
		t.DevLoss = append(t.DevLoss, 1.2)
		t.DevScore = append(t.DevScore, 0.7-math.Abs(float64(e)-4)/20)
	}
	return t
}

// diagonal returns a confusion matrix of n classes with high accuracy.
func diagonal(n int) [][]int {
	counts := make([][]int, n)
	for i := range counts {
		counts[i] = make([]int, n)
		counts[i][i], counts[i][(i+1)%n] = 1000-i, i
	}
	return counts
}

// figures returns one figure of each kind.
func figures(t *testing.T) map[string]*Figure {
	t.Helper()
	out := map[string]*Figure{}
	add := func(name string, f *Figure, err error) {
		t.Helper()
		require.NoError(t, err, name)
		out[name] = f
	}
	f, err := Curves(Axes{Title: "Loss & more", XLabel: "step", YLabel: "loss"},
		Series{Name: "train", Y: []float64{3, 2, 1}}, Series{Name: "dev", X: []float64{0, 2}, Y: []float64{3, 2}, Points: true, Dashed: true, Best: "best 2", BestAt: 1})
	add("curves", f, err)
	f, err = Curves(Axes{LogY: true}, Series{Name: "rate", Y: []float64{1e-6, 1e-3, 1e-2}})
	add("log", f, err)
	f, err = TrainingCurves(history(3000, 6))
	add("training", f, err)
	f, err = Images([]image.Image{plain(8, 8, Blue), plain(8, 8, Green)}, []string{"a frog", "a cat"}, 2, 4)
	add("images", f, err)
	f, err = Grid{Title: "Guesses", Images: []image.Image{plain(8, 8, Blue), plain(4, 9, Green), plain(8, 8, Sky)},
		Captions: []string{"frog", "cat, not\na dog of any kind", "truck"}, Cols: 2}.Figure()
	add("grid", f, err)
	f, err = Bars(Axes{Title: "Probabilities", XLabel: "probability", XMax: new(1.0)}, classes[:3], []float64{0.9, 0.09999, 0.00001}, 1)
	add("bars", f, err)
	f, err = BarsWithErrors(Axes{Title: "Accuracies"}, classes[:3], []float64{0.9, 0.5, 0.1}, []float64{0.05, 0, 0.2}, 1)
	add("error bars", f, err)
	f, err = Confusion(diagonal(10), classes)
	add("confusion", f, err)
	f, err = Histogram(Axes{Title: "Pixels", XLabel: "value"}, 4, Series{Y: []float64{0, 1, 1, 2, 4}})
	add("histogram", f, err)
	f, err = Histogram(Axes{LogY: true}, 4, Series{Name: "few", Y: []float64{0, 4}}, Series{Name: "many", Y: []float64{0, 1, 1, 2, 4}})
	add("histograms", f, err)
	f, err = Reliability("", []Bin{{}, {Confidence: 0.7, Accuracy: 0.5, Count: 30}, {Confidence: 0.9, Accuracy: 0.95, Count: 1000}})
	add("reliability", f, err)
	f, err = HeatMap(plain(8, 8, Orange), [][]float64{{0, 1}, {2, 3}}, 2)
	add("heat", f, err)
	out["sketch"] = Sketch{Title: "Block", Alt: "A box.", Width: 200, Height: 120, Paint: func(p Pen) {
		p.Box(20, 50, 60, 30, Tint(Blue, 0.2), Blue)
		p.Text(50, 65, "conv 卷积", Text{Anchor: Middle, Bold: true})
		p.Arrow(Muted, 1.5, 50, 80, 50, 100, 90, 100)
		p.Dot(150, 100, 4, Vermillion)
		p.Image(plain(4, 4, Green), 160, 90, 16, 16)
	}}.Figure()
	out["row"] = Row(nil, out["images"], captioned("Confident, but wrong.", []*Figure{out["bars"]}), &Figure{})
	return out
}

// parse parses an SVG file and returns its texts and the count of each element.
func parse(t *testing.T, svg []byte) (texts []string, elements map[string]int) {
	t.Helper()
	elements = map[string]int{}
	dec := xml.NewDecoder(bytes.NewReader(svg))
	inside := ""
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return texts, elements
		}
		require.NoError(t, err, "not well-formed XML: %.200s", svg)
		switch tok := tok.(type) {
		case xml.StartElement:
			elements[tok.Name.Local]++
			inside = tok.Name.Local
		case xml.EndElement:
			inside = ""
		case xml.CharData:
			if inside == "text" || inside == "title" || inside == "desc" {
				texts = append(texts, string(tok))
			}
		}
	}
}

func TestEveryFigure(t *testing.T) {
	t.Parallel()
	again := figures(t)
	for name, f := range figures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svg := f.SVG()
			_, elements := parse(t, svg)
			require.Equal(t, 1, elements["svg"])
			require.Equal(t, 1, elements["title"])
			require.Equal(t, 1, elements["desc"])
			require.Zero(t, elements["script"])
			require.NotContains(t, string(svg), "NaN")
			require.NotContains(t, string(svg), "Inf")
			require.NotEmpty(t, f.Alt)
			require.Contains(t, string(svg), `role="img"`)
			require.NotContains(t, strings.ReplaceAll(string(svg), "http://www.w3.org/", ""), "http", "a figure must not need a network")

			img := f.rasterize(1)
			w, h := f.width, f.height
			require.InDelta(t, w, img.Bounds().Dx(), 1)
			require.InDelta(t, h, img.Bounds().Dy(), 1)
			_, _, _, corner := img.At(0, 0).RGBA()
			require.Zero(t, corner, "the corner of the card must be round and transparent")

			require.Equal(t, svg, f.SVG(), "the second drawing differs")
			require.Equal(t, svg, again[name].SVG(), "an equal figure differs")
		})
	}
}

func TestSave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := figures(t)["bars"]
	require.NoError(t, f.Save(filepath.Join(dir, "bars.svg")))
	data, err := os.ReadFile(filepath.Join(dir, "bars.svg"))
	require.NoError(t, err)
	require.Equal(t, f.SVG(), data)
	require.NoError(t, f.Save(filepath.Join(dir, "bars.PNG")))
	data, err = os.ReadFile(filepath.Join(dir, "bars.PNG"))
	require.NoError(t, err)
	require.Equal(t, f.PNG(), data)
	img, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	w, h := f.width, f.height
	require.Equal(t, image.Pt(int(2*w), int(2*h)), img.Bounds().Size(), "a PNG has twice the natural size")

	require.EqualError(t, f.Save("bars.jpg"), `chart: save bars.jpg: unsupported extension ".jpg", want .svg or .png`)
	require.ErrorContains(t, f.Save("bars"), ".svg or .png")
	err = f.Save(filepath.Join(dir, "missing", "bars.svg"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "missing")
}

func TestEmptyFigure(t *testing.T) {
	t.Parallel()
	for _, f := range []*Figure{{}, Row(), Row(nil, nil)} {
		parse(t, f.SVG())
		_, err := png.Decode(bytes.NewReader(f.PNG()))
		require.NoError(t, err)
		require.NoError(t, Show("", f))
	}
}

func TestTextOfAnyKind(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`<b>&"'`, "\x00\x1b[31m", "\xff\xfe", "训练集的损失", strings.Repeat("long ", 200), "\ufffe", "]]>", "%d %!s"} {
		f, err := Curves(Axes{Title: text, XLabel: text, YLabel: text}, Series{Name: text, Y: []float64{1, 2}, Best: text})
		require.NoError(t, err)
		parse(t, f.SVG())
		f, err = Bars(Axes{Title: text, XLabel: text}, []string{text}, []float64{1})
		require.NoError(t, err)
		parse(t, f.SVG())
		f, err = Confusion([][]int{{1}}, []string{text})
		require.NoError(t, err)
		parse(t, f.SVG())
		f, err = Grid{Title: text, Images: []image.Image{plain(2, 2, Blue)}, Captions: []string{text}}.Figure()
		require.NoError(t, err)
		parse(t, f.SVG())
		require.NotPanics(t, func() { captioned(text, []*Figure{f}).html() })
	}
}
