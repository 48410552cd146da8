package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/imagefolder/shapes"
	"nndl.example/resnet18/pkg/resnet"
)

// TestOwnPictures draws shapes, trains a new last layer for them on the project's weights, and uses the result.
func TestOwnPictures(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	t.Parallel()
	work, folder := t.TempDir(), filepath.Join(t.TempDir(), "drawn")
	code, _, err := call("shapes", "-images", "20", folder)
	require.Zero(t, code, err)
	code, _, err = call("shapes", folder)
	require.Equal(t, 1, code)
	require.Contains(t, err, "drawn exists already: choose another name")

	flags := []string{"-work", work, "-backend", "go"}
	train := append([]string{"train", "-data", folder, "-run", "mine", "-freeze", "-epochs", "6", "-batch", "14", "-lr", "0.01"}, flags...)
	code, out, err := call(train...)
	require.Zero(t, code, err)
	require.Contains(t, out, "5 classes (circle, cross, square, star, triangle), 100 pictures, train 70 (70%), dev 15 (15%), test 15 (15%)")
	require.Contains(t, out, "recipe: only the last layer is trained")
	require.Contains(t, out, "(starting from data/weights/library.safetensors.gz (SHA-256 ")
	require.Equal(t, 6, strings.Count(out, "[Evaluate]  dev score: "), "after steps 5, 10, 15, 20, 25 and 29")
	last := out[strings.LastIndex(out, "[Test]"):]
	m := regexp.MustCompile(`\[Test\] accuracy/loss: (\S+)/`).FindStringSubmatch(last)
	require.NotNil(t, m, out)
	accuracy, e := strconv.ParseFloat(m[1], 64)
	require.NoError(t, e)
	require.Greater(t, accuracy, 0.5, "a guess is right in 0.2 of the cases")

	dir := filepath.Join(work, "runs", "mine")
	before, after := weightsIn(t, filepath.Join(dir, "initial.safetensors")), weightsIn(t, filepath.Join(dir, "best.safetensors"))
	for i, tensor := range before {
		require.Equal(t, strings.HasPrefix(tensor.Name, "fc."), !bytes.Equal(tensor.Data, after[i].Data), tensor.Name)
	}
	testOwnModel(t, folder, flags, last)
	testOtherRuns(t, folder, slices.Clip(train))
}

// testOwnModel uses the model: all commands know the names of its classes.
func testOwnModel(t *testing.T, folder string, flags []string, last string) {
	evaluate := append([]string{"evaluate", "-run", "mine"}, flags...)
	code, out, err := call(append(evaluate, "-data", folder, "-confusion", "-")...)
	require.Zero(t, code, err)
	require.Empty(t, err)
	_, table, found := strings.Cut(out, last)
	require.True(t, found, "%q does not contain %q", out, last)
	require.Regexp(t, `^ *true\\predicted +circle +cross +square +star +triangle +recall\n +circle( +\d){5} +\d+\.\d%\n`, table)
	figure := filepath.Join(t.TempDir(), "confusion.svg")
	code, _, err = call(append(evaluate, "-data", folder, "-confusion", figure)...)
	require.Zero(t, code, err)
	svg, e := os.ReadFile(figure)
	require.NoError(t, e)
	require.Contains(t, string(svg), "triangle")

	picture := filepath.Join(folder, "star", "001.png")
	predict := append([]string{"predict", "-run", "mine"}, flags...)
	code, out, err = call(append(predict, "-json", picture)...)
	require.Zero(t, code, err)
	var p prediction
	strict(t, out, &p)
	require.Equal(t, shapes.Classes[p.Index], p.Class)
	require.Len(t, p.Top, 5)
	code, out, err = call(append(predict, "-data", folder, "3")...)
	require.Zero(t, code, err)
	require.Regexp(t, `The true category is (circle|cross|square|star|triangle) and the predicted`, out)
	require.NoError(t, os.Rename(folder, folder+"-away")) // a picture needs the names of the classes, which the run has
	code, out, err = call(append(predict, "-data", folder, filepath.Join(folder+"-away", "star", "001.png"))...)
	require.Zero(t, code, err)
	require.Contains(t, out, "The predicted category is "+p.Class)
	require.NoError(t, os.Rename(folder+"-away", folder))
	code, _, err = call("curves", filepath.Join(t.TempDir(), "curves.svg"), "-run", "mine", flags[0], flags[1])
	require.Zero(t, code, err)

	require.NoError(t, os.Remove(picture))
	code, _, err = call(append(evaluate, "-data", folder)...)
	require.Zero(t, code)
	require.Contains(t, err, "it may have seen pictures of this test set")
	code, _, err = call(append([]string{"evaluate", "-data", folder}, flags...)...)
	require.Equal(t, 1, code)
	require.Contains(t, err, `run "resnet18 train -data `+folder+` -work `+flags[1]+`" first, or choose another with -run: mine`)
}

// testOtherRuns: a run does not resume with another start, other layers or other classes.
func testOtherRuns(t *testing.T, folder string, train []string) {
	weights := weightsFile(t, resnet.Custom(3, 10, true))
	notFrozen := slices.DeleteFunc(slices.Clone(train), func(arg string) bool { return arg == "-freeze" })
	require.NoError(t, os.WriteFile(filepath.Join(folder, "star", "001.png"), nil, 0o644))
	for _, test := range []struct {
		args []string
		want string
	}{
		{append(train, "-freeze=true"), "imagefolder: unreadable pictures: picture: " + filepath.Join(folder, "star", "001.png")},
		{append(train, "-from", "scratch"), "belongs to a different run (start: got data/weights/library.safetensors.gz (SHA-256 "},
		{append(train, "-from", weights), "all layers but the last, want weights.safetensors (SHA-256 "},
		{notFrozen, "recipe: got only the last layer is trained, want the chapter's"},
		{train, `classes: got 5 with "star", want 4 with "triangle"`},
	} {
		code, _, err := call(test.args...)
		require.Equal(t, 1, code, test.args)
		require.Contains(t, err, test.want, test.args)
		require.NoError(t, os.RemoveAll(filepath.Join(folder, "star"))) // after the first
	}
}

// TestOwnNames: the folder gives the run its name, unless -run does.
func TestOwnNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, run, initial string }{
		{"-data /x/cats", "cats", "cats"},
		{"-data /x/cats/", "cats", "cats"},
		{"-data /x/my.cats+dogs", "my.cats-dogs", "my.cats-dogs"},
		{"-data /x/★", "data-26c57b08", "data-26c57b08"},
		{"-data /x/cats -freeze -lr 0.01", "cats-lr-0.01-freeze", "cats-lr-0.01-freeze"},
		{"-data /x/cats -from shipped", "cats", "cats"},
		{"-data /x/cats -from scratch -plain -stem cifar", "cats-plain-cifar-stem-from-scratch", "cats-plain-cifar-stem-from-scratch"},
		{"-data /x/cats -from scratch -model plain", "cats-plain-from-scratch", "cats-plain-from-scratch"},
		{"-data /x/cats -from /y/a.safetensors -run b", "b", "b"},
		{"-model custom -freeze", "custom-freeze", "custom"},
		{"-from shipped -freeze", "library-from-shipped-freeze", "library-from-shipped-freeze"},
	} {
		a := parseTrain(t, strings.Fields(test.args)...)
		c, err := a.trainConfig()
		require.NoError(t, err, test.args)
		require.Equal(t, test.run, a.runName(a.changes()...), test.args)
		require.Equal(t, filepath.Join("work", "runs", test.initial, "initial.safetensors"), c.Initial, test.args)
		require.Equal(t, slices.Contains(strings.Fields(test.args), "-freeze"), c.Recipe.Freeze)
	}
	a := &app{classes: make([]string, 7), model: "library"}
	require.Equal(t, 7, a.network().NumClasses)
	a.confusion = "x.svg"
	require.ErrorContains(t, a.checkConfusionFits(41), "-confusion - prints the matrix")
}

func TestOwnErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, shapes.Write(filepath.Join(dir, "drawn"), 3, 1))
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"train -data https://example.org/x", 2, "-data is the URL https://example.org/x, want a path"},
		{"train -data DIR/none", 1, "none: no such file"},
		{"train -data DIR -work DIR/work", 2, "-work is DIR/work, in the folder of -data, which is only read"},
		{"train -data DIR/drawn -from DIR/none", 1, `none: no such file or directory; want a safetensors file, "shipped" or "scratch"`},
		{"train -data DIR/drawn -plain", 1, "start from a file or from scratch"},
		{"train -data DIR/drawn -stem cifar", 1, "start from a file or from scratch"},
		{"train -data DIR/drawn -depth 34", 1, "weights of ResNet-18, imagenet stem, 1000 classes: weights of a different architecture"},
		{"train -data DIR/drawn -from scratch -freeze", 2, "-freeze keeps weights that are random"},
		{"evaluate -data DIR/drawn -weights FILE", 1, "was trained on 10 classes (airplane, automobile"},
		{"evaluate -data DIR/drawn -weights FOUR", 1, "has 4 outputs, want at least 5, one for each class of the test set"},
		{"evaluate -confusion x.pdf", 2, "-confusion is x.pdf, want a name that ends with .svg or .png, or -"},
		{"evaluate -confusion - -json", 2, "got -json and -confusion -, want only one of them"},
		{"evaluate -confusion - a b", 2, "got -confusion and 2 files of weights"},
		{"evaluate -confusion - -weights a b", 2, "got -confusion and 2 files of weights"},
		{"shapes -images 2 DIR/x", 2, "-images is 2, want 3 to 10000"},
	} {
		args := strings.Fields(strings.ReplaceAll(test.args, "DIR", dir))
		for name, outputs := range map[string]int{"FILE": 10, "FOUR": 4} {
			if i := slices.Index(args, name); i >= 0 {
				args[i] = weightsFile(t, resnet.Custom(3, outputs, true))
			}
		}
		if args[0] != "shapes" && !slices.Contains(args, "-work") {
			args = append(args, "-work", filepath.Join(t.TempDir(), "work"))
		}
		if args[0] != "shapes" {
			args = append(args, "-backend", "go")
		}
		code, _, err := call(args...)
		require.Equal(t, test.code, code, "%v: %s", args, err)
		require.Contains(t, err, strings.ReplaceAll(test.want, "DIR", dir), args)
		require.Equal(t, 1, strings.Count(err, "\n"), err)
	}
	require.NoDirExists(t, filepath.Join(dir, "work"))
}

// Pictures of CIFAR-10's classes are scored with any model of CIFAR-10.
func TestOwnPicturesOfCIFAR10sClasses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	drawn, own := filepath.Join(dir, "drawn"), filepath.Join(dir, "own")
	require.NoError(t, shapes.Write(drawn, 3, 1))
	for _, class := range cifar.Classes {
		require.NoError(t, os.CopyFS(filepath.Join(own, class), os.DirFS(filepath.Join(drawn, "star"))))
	}
	code, out, err := call("evaluate", "-data", own, "-weights", weightsFile(t, resnet.Library()), "-backend", "go", "-work", filepath.Join(dir, "work"), "-confusion", "-")
	require.Zero(t, code, err)
	require.Contains(t, out, "[Test] accuracy/loss: ")
	require.Regexp(t, `^resnet18: 10 of 10 predictions are none of the 10 classes; the matrix leaves them out\n$`, err, "random weights with 1,000 outputs")
}

// TestCIFAR100 trains ResNet-34 for a step on the first images of files in CIFAR-100's binary layout, which are all zeros: apples.
func TestCIFAR100(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "cifar-100-binary")
	require.NoError(t, os.Mkdir(folder, 0o755))
	for name, records := range map[string]int64{"train.bin": 50000, "test.bin": 10000} {
		f, err := os.Create(filepath.Join(folder, name))
		require.NoError(t, err)
		require.NoError(t, f.Truncate(records*3074)) // takes no space
		require.NoError(t, f.Close())
	}
	names := "apple\n"
	for i := range 99 {
		names += "class_" + strconv.Itoa(i) + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "fine_label_names.txt"), []byte(names), 0o600))

	work := workFolder(t)
	flags := []string{"-data", folder, "-train-images", "4", "-depth", "34", "-backend", "go", "-work", work}
	run := "cifar-100-binary-depth-34-batch-4-from-scratch-4-images"
	code, out, err := call(append([]string{"train", "-from", "scratch", "-epochs", "1", "-batch", "4"}, flags...)...)
	require.Zero(t, code, err)
	require.Contains(t, out, "100 classes (apple, class_0, ")
	require.Contains(t, out, "60000 pictures, train 40000 (67%), dev 10000 (17%), test 10000 (17%); dev: the last of the training images")
	require.Contains(t, out, "network: ResNet-34, imagenet stem, 100 classes, 21.34 million parameters")
	require.DirExists(t, filepath.Join(work, "runs", run))
	require.Regexp(t, `\[Test\] accuracy/loss: \d`, out)
	code, _, err = call("ship", "-run", run, "-commit", "c", "-backend", "go", "-work", work, filepath.Join(work, "x.gz"))
	require.Equal(t, 1, code)
	require.Contains(t, err, "was trained on 100 classes (apple, class_0, ")

	foreign := weightsFile(t, resnet.Config{Depth: 34, NumClasses: 100})
	code, out, err = call("evaluate", "-weights", foreign, "-data", filepath.Dir(folder), "-train-images", "2", "-backend", "go", "-work", work)
	require.Zero(t, code, err)
	require.Contains(t, err, "does not name its classes; assuming the data's, in this order: apple, class_0, ")
	require.Regexp(t, `\[Test\] accuracy/loss: \d`, out)

	other := filepath.Join(t.TempDir(), "other.tar.gz")
	require.NoError(t, os.WriteFile(other, []byte("no archive"), 0o600))
	code, _, err = call("train", "-data", other, "-work", work, "-backend", "go")
	require.Equal(t, 1, code)
	require.Contains(t, err, "other.tar.gz: corrupt data: not a gzip file but of an unknown format")
	require.Contains(t, err, "your own pictures must be unpacked, in a folder with one subfolder for each class")
}
