package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/experiments"
)

func TestExperimentNames(t *testing.T) {
	t.Parallel()
	code, out, err := call("experiment", "list")
	require.Zero(t, code, err)
	require.Contains(t, out, "reference                 the chapter's recipe")
	require.Contains(t, out, "\nmodern ")
	code, _, err = call("experiment", "cold-fusion")
	require.Equal(t, 1, code)
	require.Contains(t, err, `no row "cold-fusion"; "resnet18 experiment list" lists them`)
	code, _, err = call("experiment")
	require.Equal(t, 2, code)
	require.Contains(t, err, "got 0 arguments, want NAME|list")
}

// A row with other numbers of epochs or images has a run and a result of its own, which do not replace the row's.
func TestExperimentShortened(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		row            string
		epochs, images int
		results        string
		name, folder   string
	}{
		{"reference", 0, 0, "", "reference", filepath.Join("notebooks", "results")},
		{"reference", experiments.ShortEpochs, 0, "", "reference", filepath.Join("notebooks", "results")},
		{"reference", 0, 0, "here", "reference", "here"},
		{"reference", 1, 0, "", "reference-1-epochs", filepath.Join("w", "results")},
		{"modern", 1, 64, "", "modern-1-epochs-64-images", filepath.Join("w", "results")},
		{"plain", 0, 64, "here", "plain-64-images", "here"},
	} {
		row, err := experiments.Find(test.row)
		require.NoError(t, err)
		a := &app{work: "w", epochs: test.epochs, images: test.images, results: test.results}
		name, folder := a.shorten(&row)
		require.Equal(t, test.folder, folder, test)
		require.Equal(t, test.name, name, test)
		if test.epochs > 0 {
			require.Equal(t, test.epochs, row.Config.Epochs, test)
		}
	}
}

// The flags are honoured, and nothing is written outside WORK.
func TestExperimentRun(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	t.Parallel()
	work := workFolder(t)
	code, out, err := call("experiment", "reference", "-epochs", "1", "-train-images", "64", "-backend", "go", "-work", work)
	require.Zero(t, code, err)
	require.Contains(t, out, "; 1 epochs of 64 images\n")
	require.Contains(t, out, "; "+filepath.Join(work, "results", "reference-1-epochs-64-images.json")+"\n")
	result, e := experiments.Read(filepath.Join(work, "results"), "reference-1-epochs-64-images")
	require.NoError(t, e)
	require.Equal(t, [3]int{1, 1, 64}, [3]int{result.Steps, result.Config.Epochs, result.TrainImages})
	require.NoDirExists(t, filepath.Join("notebooks", "results"))
	require.DirExists(t, filepath.Join(work, "runs", "exp-reference-1-epochs-64-images"))
}

// A shortened row is no seed of the full row: its accuracy must not enter that row's mean.
func TestShortenedRow(t *testing.T) {
	t.Parallel()
	row, err := experiments.Find("reference-101")
	require.NoError(t, err)
	a := &app{}
	a.shorten(&row)
	require.Equal(t, "reference", row.Repeats)
	a.epochs = 2
	name, _ := a.shorten(&row)
	require.Equal(t, "reference-101-2-epochs", name)
	require.Empty(t, row.Repeats)
}
