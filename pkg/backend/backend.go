// Package backend starts the engine that GoMLX computes with: XLA on a GPU, XLA on the CPU or pure Go.
//
// XLA is a compiler that lives in a PJRT plugin, a shared library. On a CPU it comes as a Python wheel
// (xla-cpu-pjrt) that "make lab" installs; without it GoMLX's own installer downloads one. GoMLX reached
// PJRT through gopjrt before; that is archived and go-xla, used here, is its successor.
package backend

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend" // registers "go"
)

// PureGo is the configuration of GoMLX's pure-Go backend. Its parallel executor (compute v0.1.5) can hang
// with two cores, so operations run one after the other, each on all cores.
const PureGo = "go:ops_sequential"

// EnvPlugin names the environment variable with the absolute path of a PJRT plugin for the CPU.
const EnvPlugin = "PJRT_CPU_PLUGIN"

// candidate is a configuration worth trying, in the order of the candidates.
type candidate struct {
	config string // GoMLX's configuration, "xla:/path/plugin.so"
	what   string // for people
}

// New starts a backend by a configuration in GoMLX's form, as "xla:cpu", "xla:cuda" or "go". An empty
// one means: $GOMLX_BACKEND if set; else XLA on a GPU if there is one with its plugin; else XLA on the CPU;
// else pure Go, with a line on log that says why. A backend that was asked for never falls back.
func New(config string, log io.Writer) (compute.Backend, error) {
	if config == "" {
		config = os.Getenv(compute.ConfigEnvVar)
	}
	if config != "" {
		return start(normalise(config))
	}
	var why []string
	for _, c := range xlaCandidates() {
		b, err := start(c.config)
		if err == nil {
			return b, nil
		}
		why = append(why, fmt.Sprintf("%s: %v", c.what, firstLine(err)))
	}
	if len(why) == 0 {
		why = append(why, "this program was built without it")
	}
	if log != nil {
		fmt.Fprintf(log, "XLA did not start (%s); using pure Go, which is five to ten times slower\n", strings.Join(why, "; "))
	}
	return start(PureGo)
}

// normalise makes "go" the sequential executor and finds the plugin file for "xla" and "xla:cpu".
func normalise(config string) string {
	switch name, options, _ := strings.Cut(config, ","); {
	case config == "go":
		return PureGo
	case name == "xla:cpu" || name == "xla":
		if path := cpuPlugin(); path != "" && (name == "xla:cpu" || !hasGPU()) {
			config = "xla:" + path
			if options != "" {
				config += "," + options
			}
		}
	}
	return config
}

// start turns the panic that compute raises for an unknown name into an error.
func start(config string) (b compute.Backend, err error) {
	name, _, _ := strings.Cut(config, ":")
	known := false
	for _, n := range compute.List() {
		known = known || n == name
	}
	if !known {
		return nil, fmt.Errorf("backend %q: want one of %s, alone or with options as in \"xla:cpu\"; XLA needs a build with cgo",
			config, strings.Join(slices.Sorted(slices.Values(compute.List())), ", "))
	}
	if name == "xla" {
		b, err = startXLA(config)
	} else {
		b, err = compute.NewWithConfig(config)
	}
	if err != nil {
		return nil, fmt.Errorf("backend %q does not start: %w", config, err)
	}
	return b, nil
}

var shared = struct {
	sync.Mutex
	backend compute.Backend
}{}

// Default is the program's one backend, started by New("", os.Stderr) at the first call: tensors of two
// backends do not mix.
func Default() (compute.Backend, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.backend == nil {
		b, err := New("", os.Stderr)
		if err != nil {
			return nil, err
		}
		shared.backend = b
	}
	return shared.backend, nil
}

// Describe says in a few words what computes: "XLA on the CPU", "XLA on the GPU (cuda:0 [processId=0])", "pure Go".
func Describe(b compute.Backend) string {
	switch {
	case IsPureGo(b):
		return "pure Go" + simdNote
	case IsGPU(b):
		return fmt.Sprintf("XLA on the GPU (%s)", b.DeviceDescription(0))
	default:
		return "XLA on the CPU"
	}
}

// EnvThreads names the environment variable from which XLA's plugin for the CPU takes the number of its threads.
const EnvThreads = "PJRT_NPROC"

// maxVirtualDevices is how many devices XLA on the CPU makes at most.
const maxVirtualDevices = 8

var prepared atomic.Int64 // the devices that were asked for

// PrepareDevices, called before New, lets XLA on the CPU make so many virtual devices, which compute on the same cores; without it
// there is one. Several get threads enough, as each device that waits for the others blocks a thread. On two cores XLA has no
// more threads than devices, and four of them wait for each other until XLA ends the program after 40 seconds. A number of
// threads that the user has set stays.
func PrepareDevices(devices int) {
	prepared.Store(int64(devices))
	if n := virtualDevices(); n > 1 && os.Getenv(EnvThreads) == "" {
		os.Setenv(EnvThreads, strconv.Itoa(max(runtime.NumCPU(), 2*n)))
	}
}

func virtualDevices() int { return int(min(max(1, prepared.Load()), maxVirtualDevices)) }

// DescribeDevices is Describe for work that several of the backend's devices share: "XLA on the CPU, 2 devices".
func DescribeDevices(b compute.Backend, devices int) string {
	if devices <= 1 {
		return Describe(b)
	}
	return fmt.Sprintf("%s, %d devices", Describe(b), devices)
}

// IsPureGo says whether the backend is GoMLX's own, without XLA.
func IsPureGo(b compute.Backend) bool { return b.String() == gobackend.BackendName }

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
