package experiments

import (
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/internal/regularfile"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/runner"
)

// Result is the saved result of a row, in notebooks/results/NAME.json.
type Result struct {
	Name    string `json:"name"`
	Change  string `json:"change"`
	Against string `json:"against,omitempty"`
	Search  string `json:"search,omitempty"`
	Repeats string `json:"repeats,omitempty"` // see Row; empty in results older than the field

	Network    string        `json:"network"`
	Parameters int           `json:"parameters"`
	MACs       int64         `json:"macs"` // multiply-adds for one image
	Config     runner.Config `json:"config"`

	WithDev     bool   `json:"with_dev,omitempty"` // dev's images were trained on, so BestDev means nothing
	TrainImages int    `json:"train_images"`
	DevImages   int    `json:"dev_images"`
	TestImages  int    `json:"test_images"`
	TrainData   string `json:"train_data"` // fingerprints of the images: see cifar.Dataset
	TestData    string `json:"test_data"`
	Origin      string `json:"origin"` // of the images, in words

	Steps   int           `json:"steps"`
	FLOPs   float64       `json:"flops"`   // of training, 2 per multiply-add: the forward pass, the backward pass (twice the forward) and Muon's products
	Seconds float64       `json:"seconds"` // of training steps and evaluations on dev
	Device  string        `json:"device"`
	Curve   []Point       `json:"curve"` // the training, in at most 60 points
	Evals   []runner.Eval `json:"evals"`

	BestDev      float64 `json:"best_dev"` // dev accuracy of the best model, which is tested
	TestAccuracy float64 `json:"test_accuracy"`
	TestLoss     float64 `json:"test_loss"`
	Correct      string  `json:"right"` // a bit for each test image, 1 for a correct prediction, in base64

	history *runner.History // every step; set by Run only
}

// Point is the mean over some training steps, the last of which is Step.
type Point struct {
	Step     int     `json:"step"`
	Loss     float64 `json:"loss"`
	Accuracy float64 `json:"accuracy"`
}

// Write writes the result to dir/NAME.json, and after Run the history of every step and the log lines to
// dir/logs/NAME.json.gz.
func (r *Result) Write(dir string) (path string, err error) {
	path = filepath.Join(dir, r.Name+".json")
	err = writeFile(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(r) })
	if r.history == nil || err != nil {
		return path, err
	}
	return path, writeFile(filepath.Join(dir, "logs", r.Name+".json.gz"), func(w io.Writer) error {
		z := gzip.NewWriter(w)
		return errors.Join(json.NewEncoder(z).Encode(r.history), z.Close())
	})
}

// writeFile writes a file atomically and makes its folder if needed.
func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("experiments: %w", err)
	}
	if err := atomicfile.Write(path, write); err != nil {
		return fmt.Errorf("experiments: %w", err)
	}
	return nil
}

// Read reads the result of a row from dir.
func Read(dir, name string) (*Result, error) {
	path := filepath.Join(dir, name+".json")
	text, err := regularfile.Read(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("experiments: no %s: run %q to create it: %w", path, command(name), err)
	}
	if err != nil {
		return nil, fmt.Errorf("experiments: %w", err)
	}
	r := &Result{}
	err = json.Unmarshal(text, r)
	if err == nil {
		err = r.check(name)
	}
	if err != nil {
		return nil, fmt.Errorf("experiments: %s: %w; to write it again, delete it and run %q", path, err, command(name))
	}
	return r, nil
}

// check makes sure that the result is the row's, since a copied file would count as one more seed, and that it has all predictions.
func (r *Result) check(name string) error {
	if r.Name != name {
		return fmt.Errorf("got the result of %q, want that of %q", r.Name, name)
	}
	_, err := r.correct()
	return err
}

// correct reports of each test image whether its prediction is correct.
func (r *Result) correct() ([]bool, error) {
	bits, err := unpack(r.Correct)
	if err != nil {
		return nil, fmt.Errorf("predictions: %w", err)
	}
	if len(bits) < r.TestImages || r.TestImages < 1 {
		return nil, fmt.Errorf("got predictions for %d test images, want %d", len(bits), r.TestImages)
	}
	return bits[:r.TestImages], nil
}

// pyTorch begins the names of PyTorch's results: pytorch-ROW-SEED.
const pyTorch = "pytorch-"

// command returns the command that writes a result.
func command(name string) string {
	if strings.HasPrefix(name, pyTorch) {
		return "make pytorch"
	}
	return "resnet18 experiment " + name
}

// ReadPyTorch reads PyTorch's results in dir, which bench/torch_chapter.py has written; without any the error says how to make them.
func ReadPyTorch(dir string) ([]*Result, error) {
	files, err := fs.Glob(os.DirFS(dir), pyTorch+"*.json")
	if err == nil && len(files) == 0 {
		files = []string{pyTorch + "*.json"} // Read says what is missing
	}
	var all []*Result
	for _, file := range files {
		r, err1 := Read(dir, strings.TrimSuffix(file, ".json"))
		if err1 != nil {
			err = errors.Join(err, err1)
			continue
		}
		all = append(all, r)
	}
	return all, err
}

// ReadAll reads the results in dir, in the order of the table.
func ReadAll(dir string) ([]*Result, error) {
	var all []*Result
	for _, row := range Rows() {
		r, err := Read(dir, row.Name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// Pick reads the results of the given rows, in that order. It reports rows without a result, or with an unreadable one, to out
// and leaves them out.
func Pick(out io.Writer, dir string, names ...string) []*Result {
	var found []*Result
	for _, name := range names {
		r, err := Read(dir, name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			fmt.Fprintf(out, "no result of %s yet: run %q\n", name, command(name))
			continue
		case err != nil:
			fmt.Fprintln(out, err)
			continue
		}
		found = append(found, r)
	}
	return found
}

// Best returns the result with the best dev accuracy of a search, or nil if there is none.
func Best(all []*Result, search string) *Result {
	var best *Result
	for _, r := range all {
		if r.Search == search && (best == nil || r.BestDev > best.BestDev) {
			best = r
		}
	}
	return best
}

// Gap measures overfitting at the end of the training: the accuracy on the training set (its curve's last point) minus that on
// dev, and the dev loss minus its lowest value.
func (r *Result) Gap() (accuracy, loss float64) {
	if len(r.Curve) == 0 || len(r.Evals) == 0 {
		return 0, 0
	}
	last := r.Evals[len(r.Evals)-1]
	lowest := last.Loss
	for _, e := range r.Evals {
		lowest = min(lowest, e.Loss)
	}
	return r.Curve[len(r.Curve)-1].Accuracy - last.Score, last.Loss - lowest
}

// Label returns what figures call the row; a row that is not in the table is called by its name.
func (r *Result) Label() string {
	if row, err := Find(r.Name); err == nil {
		return row.Label
	}
	return r.Name
}

// Repeated returns the name of the row that this one repeats with another seed, or its own; for PyTorch's pytorch-ROW.
func (r *Result) Repeated() string {
	if strings.HasPrefix(r.Name, pyTorch) {
		return r.Name[:strings.LastIndex(r.Name, "-")]
	}
	row, _ := Find(r.Name)
	return cmp.Or(row.Repeats, r.Repeats, r.Name)
}

// Test returns the test accuracy with its standard error, for example "0.9010 ± 0.0030".
func (r *Result) Test() string {
	return fmt.Sprintf("%.4f ± %.4f", r.TestAccuracy, metrics.StandardError(r.TestAccuracy, r.TestImages))
}

// Comparison compares the predictions of two models for the same test images.
type Comparison struct {
	OnlyA, OnlyB int     // images that only A, or only B, predicts correctly
	Z            float64 // McNemar's: (OnlyA-OnlyB)/√(OnlyA+OnlyB); beyond ±1.96 by chance in 5 of 100 cases
}

// Compare compares two results on the same test images (McNemar 1947).
func Compare(a, b *Result) (Comparison, error) {
	if err := sameTest(a, b); err != nil {
		return Comparison{}, err
	}
	correctA, err1 := a.correct()
	correctB, err2 := b.correct()
	if err := errors.Join(err1, err2); err != nil {
		return Comparison{}, fmt.Errorf("experiments: comparing %s with %s: %w", a.Name, b.Name, err)
	}
	var c Comparison
	c.OnlyA, c.OnlyB, c.Z = metrics.McNemar(correctA, correctB)
	return c, nil
}

// RightByClass returns how many test images of each class the model predicted correctly. labels are those of the test set.
func (r *Result) RightByClass(labels []uint16) (right [cifar.NumClasses]int, err error) {
	correct, err := r.correct()
	if err == nil && len(correct) > len(labels) {
		err = fmt.Errorf("%d labels for the predictions of %d images", len(labels), len(correct))
	}
	if err != nil {
		return right, fmt.Errorf("experiments: %s by class: %w", r.Name, err)
	}
	for i, is := range correct {
		class := int(labels[i])
		if class >= len(right) {
			return right, fmt.Errorf("experiments: %s by class: image %d has the label %d, want less than %d", r.Name, i, class, len(right))
		}
		if is {
			right[class]++
		}
	}
	return right, nil
}

func sameTest(a, b *Result) error {
	if a.TestData != b.TestData || a.TestImages != b.TestImages {
		return fmt.Errorf("experiments: %s and %s were tested on different images; run both on the same data", a.Name, b.Name)
	}
	return nil
}

// Verdict returns "better" or "worse" if the difference between the two trained networks is significant for a random choice of
// test images (|z| > 1.96; with fewer than 25 images that only one of them predicts correctly, for which z is not normal, the exact binomial
// test at 5%), else "not significant". It does not account for the differences between runs of one recipe: see the rows that change only the
// seed.
func (c Comparison) Verdict() string {
	significant := math.Abs(c.Z) > 1.96
	if n := c.OnlyA + c.OnlyB; n < 25 {
		fair := distuv.Binomial{N: float64(n), P: 0.5}
		significant = 2*fair.CDF(float64(min(c.OnlyA, c.OnlyB))) < 0.05
	}
	switch {
	case !significant:
		return "not significant"
	case c.Z > 0:
		return "better"
	}
	return "worse"
}

// pack encodes bits in base64; the first is the lowest bit of the first byte.
func pack(bits []bool) string {
	b := make([]byte, (len(bits)+7)/8)
	for i, set := range bits {
		if set {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return base64.StdEncoding.EncodeToString(b)
}

// unpack is the inverse of pack, with up to 7 zeros at the end.
func unpack(text string) ([]bool, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	bits := make([]bool, 8*len(b))
	for i := range bits {
		bits[i] = b[i/8]>>(i%8)&1 == 1
	}
	return bits, nil
}
