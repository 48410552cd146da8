package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"al.essio.dev/pkg/shellescape"
	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/exercises"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
	"nndl.example/resnet18/pkg/safetensors"
)

// networkName returns the name of the network that the flags describe; runs with the chapter's hyper-parameters have
// this name.
func (a *app) networkName() string {
	name := a.model
	switch {
	case a.pictures != "":
		name = runNameOf(a.pictures)
		if a.plain {
			name += "-plain"
		}
	case a.plain && a.model == "custom":
		name = "plain"
	case a.plain && a.model == "library":
		name += "-plain"
	}
	if a.depth != 0 && a.depth != resnet.Depths()[0] {
		name += fmt.Sprintf("-depth-%d", a.depth)
	}
	if a.stem == string(resnet.CIFARStem) {
		name += "-cifar-stem"
	}
	if a.bfloat16 {
		name += "-bfloat16"
	}
	return name
}

// runNameOf makes the name of a folder or a file one of a run.
func runNameOf(path string) string {
	name := filepath.Base(path)
	for _, ending := range []string{".safetensors", ".tar.gz", ".tgz"} {
		name = strings.TrimSuffix(name, ending)
	}
	name = strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return '-'
	}, name), ".-")
	if name == "" { // of signs only: the run must not be the folder of all runs
		sum := sha256.Sum256([]byte(filepath.Base(path)))
		name = fmt.Sprintf("data-%x", sum[:4])
	}
	return name
}

// runName returns -run, or else the name of the network followed by the settings that differ from the chapter's.
func (a *app) runName(changes ...string) string { return filepath.Base(a.runDir(changes...)) }

func (a *app) runDir(changes ...string) string {
	if a.run != "" {
		return lab.Settings{Work: a.work}.RunDir(a.run)
	}
	name := strings.Join(append([]string{a.networkName()}, changes...), "-")
	return lab.Settings{Work: a.work, TrainImages: a.images}.RunDir(name)
}

// initialPath returns the file of the imported weights that a run starts from: its own if -run names it or if it does not
// start as the flags of import say, else the network's.
func (a *app) initialPath(changes ...string) string {
	if a.pictures != "" || a.from != "" {
		return filepath.Join(a.runDir(changes...), "initial.safetensors")
	}
	name := a.run
	if name == "" {
		name = a.networkName()
	}
	return lab.Settings{Work: a.work}.InitialPath(name)
}

// savedRuns lists the runs in WORK that have a model.
func (a *app) savedRuns() (names []string) {
	found, _ := filepath.Glob(filepath.Join(a.work, "runs", "*", "best.safetensors"))
	for _, path := range found {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	slices.Sort(names)
	return names
}

// savedModel is a runner with the weights of a file.
type savedModel struct {
	*runner.Runner
	network resnet.Config
	path    string
}

// open loads the weights in a file, or if path is "" those of the run's best model or, without one, the project's. The network
// follows from the file.
func (a *app) open(b compute.Backend, path string) (*savedModel, error) {
	load := func(r *runner.Runner) error { return r.LoadModel(path) }
	if path == "" {
		if a.usesShipped() {
			return a.openShipped(b)
		}
		path, load = a.bestPath(), (*runner.Runner).LoadBest
	}
	if isHandBuilt(path) {
		return a.openHandBuilt(b, path, load)
	}
	c, err := a.networkOf(path)
	if err != nil {
		return nil, err
	}
	r, err := a.withWeights(b, c, load)
	if err != nil {
		return nil, err
	}
	return &savedModel{r, c, path}, nil
}

// withWeights returns a runner of a network with the weights that load sets.
func (a *app) withWeights(b compute.Backend, network runner.Model, load func(*runner.Runner) error) (*runner.Runner, error) {
	r, err := runner.New(b, network, a.runDir(), runner.Config{Devices: max(1, a.devices), Initial: a.initialPath()})
	if err != nil {
		return nil, err
	}
	r.Out = a.info()
	if err := load(r); err != nil {
		r.Finalize()
		return nil, err
	}
	return r, nil
}

// isHandBuilt reports whether a file has the weights of the network that notebook 06 builds.
func isHandBuilt(path string) bool {
	f, err := safetensors.Open(path)
	if err != nil {
		return false // networkOf says why
	}
	defer f.Close()
	_, ok := f.Entry(exercises.HandBuilt().Params()[0].Name)
	return ok
}

// openHandBuilt puts the weights of notebook 06's network into the package's custom network, which computes the same.
func (a *app) openHandBuilt(b compute.Backend, path string, load func(*runner.Runner) error) (*savedModel, error) {
	theirs, err := a.withWeights(b, exercises.HandBuilt(), load)
	if err != nil {
		return nil, err
	}
	defer theirs.Finalize()
	file, err := compactFile(theirs, pretrained.Info{DType: pretrained.DTypes[0]})
	if err != nil {
		return nil, err
	}
	c := resnet.Custom(3, 10, true)
	c.BFloat16 = a.bfloat16
	r, err := a.withWeights(b, c, func(r *runner.Runner) error {
		_, err := r.LoadCompact(file, path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &savedModel{r, c, path}, nil
}

// usesShipped reports whether evaluate and predict use the weights that come with the project: if no run is named, the default
// one has not been trained, and the project has weights of its network.
func (a *app) usesShipped() bool {
	return a.run == "" && a.pictures == "" && !a.plain && lab.HasShipped(a.model) && !exists(a.bestPath())
}

// openShipped loads the weights that come with the project, and says so on stderr.
func (a *app) openShipped(b compute.Backend) (*savedModel, error) {
	c := a.network()
	r, err := a.withWeights(b, c, func(r *runner.Runner) error {
		note, err := lab.LoadShipped(r, a.model, a.trainCommand())
		if err == nil {
			fmt.Fprintln(a.err, "resnet18:", note)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &savedModel{r, c, r.LoadedFrom()}, nil
}

// trainCommand returns the command that trains the run.
func (a *app) trainCommand() string {
	command := "resnet18 train"
	if a.pictures != "" {
		command += " -data " + shellescape.Quote(a.pictures)
		if a.plain && a.run == "" { // the weights that training starts from otherwise have shortcuts
			command += " -plain -from scratch -run " + shellescape.Quote(a.networkName())
		}
	} else if a.run == "" {
		command += " -model " + a.model + a.layerFlags()
	}
	command += a.runArgument()
	if a.images > 0 {
		command += fmt.Sprintf(" -train-images %d", a.images)
	}
	if a.bfloat16 {
		command += " -bfloat16"
	}
	return `"` + command + a.workArgument() + `"`
}

// bestPath returns the file of the run's best model, or of the imported weights if it has not been trained.
func (a *app) bestPath() string {
	path := filepath.Join(a.runDir(), "best.safetensors")
	if !exists(path) && exists(a.initialPath()) {
		return a.initialPath()
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// checkModel returns an error if the run has no model yet. It names the runs that have one.
func (a *app) checkModel() error {
	if exists(a.bestPath()) {
		return nil
	}
	others := ""
	if names := a.savedRuns(); len(names) > 0 {
		others = ", or choose another with -run: " + strings.Join(names, ", ")
	}
	return fmt.Errorf("there is no %s yet: run %s first%s", a.bestPath(), a.trainCommand(), others)
}

// report prints an error about one of several inputs: the others are still processed.
func (a *app) report(err error) { fmt.Fprintln(a.err, "resnet18:", oneLine(err)) }
