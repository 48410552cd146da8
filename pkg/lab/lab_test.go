package lab

import (
	"image"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

func TestStart(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	t.Setenv("WORK", t.TempDir())
	for name, text := range map[string]string{"EPOCHS": "many", "TRAIN_IMAGES": "-1"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, text)
			_, err := Start(30)
			require.ErrorContains(t, err, name)
			require.ErrorContains(t, err, text)
		})
	}
	t.Setenv("EPOCHS", "2")
	t.Setenv("TRAIN_IMAGES", "12")
	l, err := Start(30)
	require.NoError(t, err)
	require.Equal(t, 2, l.Epochs)
	require.Contains(t, l.String(), "pure Go")
	require.Contains(t, l.Conditions(), "2 epochs, only 12 training images, embedded JPEG copy")
	given := &Lab{Source: cifar.Source{Path: "/home/me/cifar-10-python.tar.gz", Origin: cifar.GivenOrigin}, Backend: l.Backend}
	require.Contains(t, given.Conditions(), ", images of cifar-10-python.tar.gz, ")
	d, err := l.Data(cifar.Train)
	require.NoError(t, err)
	require.Equal(t, 12, d.Len())

	l.Work = filepath.Join(t.TempDir(), "work") // is made
	path, err := SaveExample(l, 7)
	require.NoError(t, err)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, _, err := image.Decode(f)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 320, 320), img.Bounds())
	_, err = SaveExample(l, 10000)
	require.ErrorContains(t, err, "want 0 to 9999")
}

// A relative WORK means the same folder in a notebook's cell, whose working folder is another one, as in the terminal.
func TestWorkFolder(t *testing.T) {
	project := t.TempDir()
	for _, test := range []struct{ work, notebooks, want string }{
		{"", "", "work"},
		{"", filepath.Join(project, "notebooks"), filepath.Join("..", "work")},
		{"work2", "", "work2"},
		{"work2", filepath.Join(project, "notebooks"), filepath.Join(project, "work2")},
	} {
		t.Setenv("GONB_DIR", test.notebooks)
		t.Setenv("WORK", test.work)
		got, err := workFolder()
		require.NoError(t, err)
		require.Equal(t, test.want, got)
	}
	t.Setenv("WORK", "https://example.org/work")
	_, err := Start(1)
	require.EqualError(t, err, "lab: WORK is the URL https://example.org/work, want a path: download the file first")
}

func TestNew(t *testing.T) {
	_, err := New(Settings{Epochs: 0})
	require.ErrorContains(t, err, "epochs=0")
	_, err = New(Settings{Epochs: 1, Backend: "quantum"})
	require.ErrorContains(t, err, "quantum")
	t.Setenv(cifar.PathVariable, filepath.Join(t.TempDir(), "none"))
	_, err = New(Settings{Epochs: 1, Backend: "go", Out: io.Discard})
	require.ErrorContains(t, err, "none")
}

func TestTrialRunError(t *testing.T) {
	t.Parallel()
	_, err := (&Lab{}).TrialRun(nil, 0, 1)
	require.EqualError(t, err, "lab: trial run of 0 steps: want at least 1")
}

func TestCurves(t *testing.T) {
	t.Parallel()
	h := runner.History{
		Steps: []runner.Step{{Loss: 3, Accuracy: 0.1}, {Loss: 2, Accuracy: 0.2}, {Loss: 1, Accuracy: 0.3}, {Loss: 0.5, Accuracy: 0.5}},
		Evals: []runner.Eval{{Step: 1, Score: 0.15, Loss: 2}, {Step: 3, Score: 0.35, Loss: 1}},
	}
	fig, err := Curves("toy", &h)
	require.NoError(t, err)
	require.Equal(t, "toy: loss, against training step: train from 3 to 0.5; dev from 2 to 1. "+
		"toy: accuracy, against training step: train from 0.15 to 0.4; dev from 0.15 to 0.35, best 0.3500, step 3.", fig.Alt)
	_, err = Curves("empty", &runner.History{})
	require.Error(t, err)
}

// A short run has its own folder and starts from the same imported weights as the full run.
func TestRunDir(t *testing.T) {
	t.Parallel()
	full, short := Settings{Work: "w"}, Settings{Work: "w", TrainImages: 128}
	require.Equal(t, filepath.Join("w", "runs", "library"), full.RunDir("library"))
	require.Equal(t, filepath.Join("w", "runs", "library-128-images"), short.RunDir("library"))
	require.Equal(t, full.InitialPath("library"), short.InitialPath("library"))
}

// The short run that README advises, then a longer one, in the same work folder.
func TestShortRunThenLonger(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks CIFAR-10 and trains")
	}
	t.Setenv("GOMLX_BACKEND", "go")
	t.Setenv("WORK", t.TempDir())
	for _, images := range []string{"2", "4"} {
		t.Setenv("EPOCHS", "1")
		t.Setenv("TRAIN_IMAGES", images)
		l, err := Start(30)
		require.NoError(t, err)
		l.Out = io.Discard
		r, err := l.Runner("custom", resnet.Custom(3, 10, true), runner.Config{})
		require.NoError(t, err)
		complete, err := l.Train(r)
		require.NoError(t, err)
		require.True(t, complete)
		r.Finalize()
		r, err = l.Trained("custom", resnet.Custom(3, 10, true), "notebook 06")
		require.NoError(t, err)
		r.Finalize()
	}
}
