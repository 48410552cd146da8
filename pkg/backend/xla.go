//go:build cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	_ "github.com/gomlx/go-xla/compute/xla/autoinstall" // downloads a plugin for "xla:cpu" if there is none
	"github.com/gomlx/go-xla/pjrt"
)

// IsGPU reports whether the backend computes on a GPU.
func IsGPU(b compute.Backend) bool {
	x, ok := b.(*xla.Backend)
	return ok && x.IsCUDA()
}

// xlaCandidates lists the XLA configurations to try, the best first.
func xlaCandidates() []candidate {
	var cs []candidate
	if hasGPU() {
		cs = append(cs, candidate{"xla:cuda", "XLA on the GPU"})
	}
	if path := cpuPlugin(); path != "" {
		return append(cs, candidate{"xla:" + path, "XLA on the CPU"})
	}
	return append(cs, candidate{"xla:cpu", "XLA on the CPU"}) // GoMLX's installer brings the plugin
}

// cpuFlags are the XLA flags that pay off on the CPU (figures in bench/README.md): without the new fusion emitters peak memory is
// 300 MB lower; without some LLVM passes (loop unrolling, strength reduction, instruction scheduling) compiling takes a third less
// time. Steps take as long.
const cpuFlags = "--xla_cpu_use_fusion_emitters=false --xla_backend_extra_options=xla_cpu_disable_loop_unrolling=true," +
	"-disable-lsr,-disable-post-ra,-enable-misched=false"

// startXLA starts a plugin of XLA. The one for the CPU reads its flags when it is loaded; those that the user has set are kept. Without a
// number of devices it makes four with a thread each, and on two cores, whose two threads then share four devices, a step takes an
// eighth longer (bench/README.md). A plugin that does not know the option starts without it.
func startXLA(config string) (compute.Backend, error) {
	plugin, options, hasOptions := strings.Cut(strings.TrimPrefix(config, "xla:"), ",")
	resetFlags := setCPUFlags()
	cpu, err := isCPUPlugin(plugin)
	if err != nil || !cpu {
		resetFlags()
	}
	if err != nil {
		return nil, err
	}
	if !cpu {
		return compute.NewWithConfig(config)
	}
	name := registerPlugin(plugin)
	if hasOptions {
		name += "," + options
	}
	if b, err := xla.NewWithOptions(name, pjrt.NamedValuesMap{"cpu_device_count": int64(virtualDevices())}); err == nil {
		return b, nil
	}
	return xla.New(name) // a plugin that does not start at all says so here
}

// setCPUFlags sets XLA's flags unless the user has; reset takes that back.
func setCPUFlags() (reset func()) {
	const env = "XLA_FLAGS"
	if os.Getenv(env) != "" {
		return func() {}
	}
	os.Setenv(env, cpuFlags)
	return func() { os.Unsetenv(env) }
}

// isCPUPlugin reports whether a plugin, go-xla's name for it or its absolute path, computes on the CPU. One at an unknown path is asked.
func isCPUPlugin(plugin string) (bool, error) {
	switch {
	case !filepath.IsAbs(plugin):
		return plugin == "cpu" || strings.HasPrefix(plugin, "cpu_"), nil
	case plugin == cpuPlugin():
		return true, nil
	case pjrt.IsCUDAName(filepath.Base(plugin)):
		return false, nil // not asked: its client takes the GPU's memory
	}
	p, err := pjrt.GetPlugin(plugin)
	if err != nil {
		return false, err
	}
	client, err := p.NewClient(nil)
	if err != nil {
		return false, err
	}
	defer client.Destroy()
	return client.Platform() == "cpu", nil
}

func hasGPU() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}

// cpuPlugin returns the absolute path of the CPU plugin: $PJRT_CPU_PLUGIN, or the wheel in the .venv of the project that contains the
// working folder; "" if there is none. With an absolute path go-xla downloads nothing.
func cpuPlugin() string {
	if path := os.Getenv(EnvPlugin); path != "" {
		return path
	}
	dir := os.Getenv("GONB_DIR") // the notebook's folder, in its cells
	if dir == "" {
		dir, _ = os.Getwd()
	}
	for {
		const wheel = ".venv/lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"
		if found, _ := filepath.Glob(filepath.Join(dir, wheel)); len(found) > 0 {
			return found[0]
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
