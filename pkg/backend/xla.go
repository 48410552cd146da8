//go:build cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

// IsGPU says whether the backend computes on a graphics card.
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

// cpuFlags are XLA's flags that pay on the CPU (bench/README.md has the figures): without the newer way to make code of fused
// operations the peak of memory is 300 MB lower, and without some of LLVM's steps (unrolling and "strength reduction" of loops,
// the scheduling of instructions) compiling takes a third less. Steps take as long.
const cpuFlags = "--xla_cpu_use_fusion_emitters=false --xla_backend_extra_options=xla_cpu_disable_loop_unrolling=true," +
	"-disable-lsr,-disable-post-ra,-enable-misched=false"

// startXLA starts a plugin of XLA. That for the CPU reads the flags when it is loaded; those that the user has set stay as they
// are. If it is not told how many devices to make it makes four with a thread each, and on two cores, which then have four threads
// to share, a step takes an eighth longer (bench/README.md). One that refuses the option starts without it.
func startXLA(config string) (compute.Backend, error) {
	if !strings.Contains(config, "cpu") {
		return compute.NewWithConfig(config)
	}
	if os.Getenv("XLA_FLAGS") == "" {
		os.Setenv("XLA_FLAGS", cpuFlags)
	}
	plugin := strings.TrimPrefix(config, "xla:")
	path, _, _ := strings.Cut(plugin, ",")
	cachePrograms(path)
	const option = "cpu_device_count"
	b, err := xla.NewWithOptions(plugin, pjrt.NamedValuesMap{option: int64(virtualDevices())})
	switch {
	case err == nil:
		return b, nil
	case strings.Contains(err.Error(), option):
		return compute.NewWithConfig(config)
	}
	return nil, err
}

func hasGPU() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}

// cpuPlugin is the absolute path of the CPU plugin: $PJRT_CPU_PLUGIN, or the wheel in the .venv of the
// project that the working folder lies in; "" if there is none. An absolute path keeps GoMLX from downloading.
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
