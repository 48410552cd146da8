package main

import (
	"encoding/json"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
)

// texts matches the words and numbers of an SVG file. Pictures and positions may differ between platforms.
var texts = regexp.MustCompile(`<(?:text|title|desc)[^>]*>[^<]*`)

// TestFilesAreCurrent draws everything that needs no trained network again and compares it with the committed files.
func TestFilesAreCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("rebuilds the archive and computes a gradient")
	}
	t.Chdir(filepath.Join("..", ".."))
	t.Setenv("CIFAR10_PATH", "")
	l, err := lab.New(lab.Settings{Work: t.TempDir(), Epochs: 1})
	require.NoError(t, err)
	for _, d := range drawings {
		if d.name == "features" {
			continue
		}
		for _, lang := range []language{"en", "zh"} {
			fig, err := d.draw(l, lang)
			require.NoError(t, err, d.name)
			saved, err := os.ReadFile(filepath.Join("notebooks", "drawings", lang.fileName(d.name)))
			require.NoError(t, err)
			require.Equal(t, words(saved), words(fig.SVG()), "%s is outdated: make drawings", lang.fileName(d.name))
			require.NotEmpty(t, fig.Alt)
		}
	}
}

// TestWords: no drawing has a format's error in its texts, and the Chinese ones have no English punctuation between Chinese words.
func TestWords(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "notebooks", "drawings", "*.svg"))
	require.NoError(t, err)
	require.Len(t, files, 2*len(drawings))
	for _, path := range files {
		svg, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, text := range words(svg) {
			require.NotContains(t, text, "%!", path)
			require.NotRegexp(t, `\p{Han}[,:] `, text, path)
		}
	}
}

func TestDescribeMap(t *testing.T) {
	require.Contains(t, describeMap("en", 118, 0.476, 1000), "a map of 118 test pictures")
	require.Contains(t, describeMap("en", 118, 0.476, 1000), "48% of the variance of 1000 pictures")
	require.Contains(t, describeMap("zh", 118, 0.476, 1000), "118张测试图像")
	require.Contains(t, describeMap("zh", 118, 0.476, 1000), "占1000张图像总方差的48%；")
}

func words(svg []byte) (list []string) {
	for _, s := range texts.FindAllString(string(svg), -1) {
		list = append(list, s[strings.Index(s, ">")+1:])
	}
	return list
}

func TestParts(t *testing.T) {
	summary := resnet.Custom(3, 10, true).Summary()
	total := 0
	var sizes, channels []int
	for _, p := range parts(summary, "en") {
		total += p.params
		sizes, channels = append(sizes, p.size), append(channels, p.channels)
	}
	require.Equal(t, summary.Params(), total)
	require.Equal(t, []int{32, 16, 8, 8, 4, 2, 1, 1, 1}, sizes)
	require.Equal(t, []int{3, 64, 64, 64, 128, 256, 512, 512, 10}, channels)
}

func TestConvolve(t *testing.T) {
	var x [5][5]float64
	x[1][2], x[2][2] = 0.5, 0.3 // right of the middle of the first window
	sum, terms := convolve(x, 0, 0)
	require.Equal(t, 1.3, sum)
	require.Equal(t, "−0.0 + 0.0 − 2·0.0 + 2·0.5 − 0.0 + 0.3", terms)
}

// TestResultsAreTheSaved compares the drawn accuracies with the files of notebook 07, of all seeds.
func TestResultsAreTheSaved(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	fig, err := results(nil, "en")
	require.NoError(t, err)
	for _, s := range steps {
		row := filepath.Join("notebooks", "results", s.row)
		seeds, err := filepath.Glob(row + "-1[0-9][0-9].json")
		require.NoError(t, err)
		sum := 0.0
		for _, path := range append(seeds, row+".json") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var saved struct {
				Accuracy float64 `json:"test_accuracy"`
			}
			require.NoError(t, json.Unmarshal(text, &saved))
			sum += saved.Accuracy
		}
		one, err := chart.Bars(chart.Axes{}, []string{s.en}, []float64{100 * sum / float64(len(seeds)+1)})
		require.NoError(t, err)
		require.Contains(t, fig.Alt, strings.TrimSuffix(one.Alt, "."))
	}
}

// TestProject: of points on a plane in five dimensions, two components have all the variance.
func TestProject(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var rows [][]float32
	for range 40 {
		a, b := float32(r.NormFloat64()), float32(0.5*r.NormFloat64())
		rows = append(rows, []float32{a, b, a + b, a - b, 2 * a})
	}
	points, share, err := project(rows)
	require.NoError(t, err)
	require.InDelta(t, 1, share, 1e-9)
	for axis := range 2 {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, p := range points {
			lo, hi = min(lo, p[axis]), max(hi, p[axis])
		}
		require.Equal(t, [2]float64{0, 1}, [2]float64{lo, hi})
	}
	shown := spread(points)
	require.NotEmpty(t, shown)
	for n, i := range shown {
		for _, j := range shown[:n] {
			a, b := rectangle(points[i]), rectangle(points[j])
			require.True(t, a.Intersect(b).Empty(), "pictures %d and %d overlap", i, j)
		}
	}
}

func rectangle(point [2]float64) image.Rectangle {
	x, y := position(point)
	return image.Rect(int(x), int(y), int(x)+thumb, int(y)+thumb)
}

func TestUnknownDrawing(t *testing.T) {
	require.ErrorContains(t, run(t.TempDir(), []string{"nonesuch"}), "nonesuch")
}
