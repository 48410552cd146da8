// Package backend chooses and starts the GoMLX backend: XLA on a GPU, XLA on the CPU or pure Go. It caches the programs that XLA
// compiles for the CPU.
//
// XLA is loaded as a PJRT plugin, a shared library. The CPU plugin is in the Python wheel xla-cpu-pjrt, which "make lab" installs;
// without the wheel, go-xla's installer downloads a plugin. (go-xla is the successor of gopjrt, which is archived.)
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
	_ "github.com/gomlx/compute/gobackend" // registers "go"

	"nndl.example/resnet18/pkg/internal/kind"
)

// PureGo is the configuration of GoMLX's pure-Go backend. Operations run one at a time, each on all cores: the parallel executor hangs
// on two cores (bench/UPSTREAM.md).
const PureGo = "go:ops_sequential"

// EnvPlugin names the environment variable that holds the absolute path of a PJRT plugin for the CPU.
const EnvPlugin = "PJRT_CPU_PLUGIN"

// candidate is a configuration that New tries.
type candidate struct {
	config string // GoMLX's configuration, "xla:/path/plugin.so"
	what   string // for messages
}

// New starts the backend that config names in GoMLX's form, for example "xla:cpu", "xla:cuda" or "go". If config is empty, New uses
// $GOMLX_BACKEND; if that is also empty, it takes the first backend that starts: XLA on a GPU, XLA on the CPU, pure Go. If that is not
// the first one, it writes one line to log that says why. A backend chosen by name never falls back.
func New(config string, log io.Writer) (compute.Backend, error) {
	if config == "" {
		config = os.Getenv(compute.ConfigEnvVar)
	}
	if config != "" {
		return start(normalise(config))
	}
	var why []string
	instead := func(what string) {
		if len(why) > 0 && log != nil {
			fmt.Fprintf(log, "XLA did not start (%s); using %s\n", strings.Join(why, "; "), what)
		}
	}
	for _, c := range xlaCandidates() {
		b, err := start(c.config)
		if err == nil {
			instead(c.what)
			return b, nil
		}
		why = append(why, fmt.Sprintf("%s: %v", c.what, firstLine(err)))
	}
	if len(why) == 0 {
		why = append(why, "this program was built without it")
	}
	instead("pure Go, which is about seven times slower")
	return start(PureGo)
}

// normalise selects the sequential executor for "go" and finds the plugin's file for "xla" and "xla:cpu".
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

// start starts a backend. It returns an error for an unknown name, on which compute would panic.
func start(config string) (b compute.Backend, err error) {
	name, _, _ := strings.Cut(config, ":")
	if names := compute.List(); !slices.Contains(names, name) {
		return nil, fmt.Errorf("unknown backend %q: want one of %s, optionally with options as in \"xla:cpu\"; XLA needs a build with cgo",
			config, strings.Join(slices.Sorted(slices.Values(names)), ", "))
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

// Default returns the process's shared backend, which the first call starts with New("", os.Stderr). Tensors of different backends cannot
// be combined, so one process should use one backend.
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

// IsGPU reports whether the backend computes on a GPU.
func IsGPU(b compute.Backend) bool { return kind.IsGPU(b) }

// Describe returns a short description of the backend: "XLA on the CPU", "XLA on the GPU (cuda:0 [processId=0])", "pure Go".
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

// EnvThreads names the environment variable that sets the number of XLA's threads on the CPU.
const EnvThreads = "PJRT_NPROC"

// maxVirtualDevices is the largest number of virtual devices of XLA on the CPU.
const maxVirtualDevices = 8

var prepared atomic.Int64 // the number of devices asked for

// PrepareDevices sets the number of virtual devices of XLA on the CPU, which share the same cores; the default is one. Call it before
// New. It also raises the number of threads, unless the user has set it: a device that waits for the others blocks a thread, so four
// devices on two threads deadlock, and XLA ends the program after 40 seconds.
func PrepareDevices(devices int) {
	prepared.Store(int64(devices))
	if n := virtualDevices(); n > 1 && os.Getenv(EnvThreads) == "" {
		os.Setenv(EnvThreads, strconv.Itoa(max(runtime.NumCPU(), 2*n)))
	}
}

func virtualDevices() int { return int(min(max(1, prepared.Load()), maxVirtualDevices)) }

// DescribeDevices is Describe with the number of devices in use: "XLA on the CPU, 2 devices".
func DescribeDevices(b compute.Backend, devices int) string {
	if devices <= 1 {
		return Describe(b)
	}
	return fmt.Sprintf("%s, %d devices", Describe(b), devices)
}

// IsPureGo reports whether the backend is GoMLX's own, without XLA.
func IsPureGo(b compute.Backend) bool { return kind.IsPureGo(b) }

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
