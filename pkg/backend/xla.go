//go:build cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	_ "github.com/gomlx/go-xla/compute/xla/autoinstall" // downloads a plugin for "xla:cpu" if there is none
	"github.com/gomlx/go-xla/pjrt"

	"nndl.example/resnet18/pkg/internal/regularfile"
	"nndl.example/resnet18/pkg/internal/userpath"
)

// xlaCandidates lists the XLA configurations to try, the best first.
func xlaCandidates() []candidate {
	var cs []candidate
	if hasGPU() {
		cs = append(cs, candidate{"xla:cuda", "XLA on the GPU"})
	}
	if path := cpuPlugin(); path != "" {
		return append(cs, candidate{"xla:" + path, "XLA on the CPU"})
	}
	return append(cs, candidate{"xla:cpu", "XLA on the CPU"}) // go-xla's installer downloads the plugin
}

// cpuFlags are the XLA flags that pay off on the CPU (figures in bench/NOTES.md): without the new fusion emitters peak memory is 300 MB
// lower; without some LLVM passes (loop unrolling, strength reduction, instruction scheduling) compiling takes a third less time. Step
// times are unchanged.
const cpuFlags = "--xla_cpu_use_fusion_emitters=false --xla_backend_extra_options=xla_cpu_disable_loop_unrolling=true," +
	"-disable-lsr,-disable-post-ra,-enable-misched=false"

// startXLA starts an XLA plugin. The CPU plugin reads XLA_FLAGS when it is loaded; flags that the user has set are kept. Unless told the
// number of devices, it creates four with a thread each, and on two cores a step then takes an eighth longer (bench/NOTES.md). A plugin
// that does not know the option is started without it.
func startXLA(config string) (compute.Backend, error) {
	_, rest, _ := strings.Cut(config, ":")
	plugin, options, hasOptions := strings.Cut(rest, ",")
	if _, err := os.Stat(rest); err == nil { // a path with a comma
		plugin, options, hasOptions = rest, "", false
	}
	if err := findPlugin(plugin); err != nil {
		return nil, err
	}
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
	return xla.New(name) // returns the error of a plugin that does not start at all
}

// findPlugin returns an error unless there is a plugin of that name or absolute path; "" is any. If go-xla's installer offers it, the
// installer downloads it. An installer that fails is go-xla's concern too, but go-xla logs that with fifty lines of stack.
func findPlugin(plugin string) error {
	if filepath.IsAbs(plugin) {
		return checkFile(plugin)
	}
	installed := install(plugin)
	found := xla.GetAvailablePlugins()
	for _, name := range found {
		if plugin == "" || name == plugin || strings.HasPrefix(name, plugin+"_v") {
			return nil
		}
	}
	why := ""
	switch {
	case pjrt.IsCUDAName(plugin) && !hasGPU():
		why = " (and no NVIDIA GPU: there is no /dev/nvidiactl)"
	case installed != nil:
		why = " (installing it failed: " + firstLine(installed) + ")"
	}
	return fmt.Errorf("no PJRT plugin %q%s, found: %q; put it into a folder of PJRT_PLUGIN_LIBRARY_PATH, or give its absolute path, as in xla:/path/plugin.so",
		plugin, why, found)
}

// checkFile returns an error unless a plugin is a file that can be read to its end. A FIFO would block the loader, and a library of
// which the end is missing, after an interrupted copy say, would end the process with SIGBUS.
func checkFile(plugin string) error {
	f, info, err := regularfile.Open(plugin)
	if err != nil {
		return fmt.Errorf("PJRT plugin: %w", err)
	}
	defer f.Close()
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := f.ReadAt(magic, 0); err != nil || string(magic) != elf.ELFMAG {
		return nil // the loader says what is wrong with it
	}
	library, err := elf.NewFile(f) // reads the table at the end
	if err == nil {
		for _, p := range library.Progs {
			if end := p.Off + p.Filesz; end > uint64(info.Size()) {
				err = fmt.Errorf("a part of it ends at byte %d", end)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("PJRT plugin %s is truncated, it has %d bytes: %w; install it again", plugin, info.Size(), err)
	}
	return nil
}

// install has go-xla's installer download a plugin, unless the user has switched that off.
func install(plugin string) error {
	xla.EnableAutoInstall(false)
	switch _, off := os.LookupEnv(xla.NoAutoInstallEnv); {
	case off:
		return nil
	case plugin == "":
		return xla.AutoInstall()
	}
	return xla.AutoInstallPlugin(plugin)
}

// setCPUFlags sets XLA's flags unless the user has set them; reset undoes that.
func setCPUFlags() (reset func()) {
	const env = "XLA_FLAGS"
	if os.Getenv(env) != "" {
		return func() {}
	}
	os.Setenv(env, cpuFlags)
	return func() { os.Unsetenv(env) }
}

// isCPUPlugin reports whether a plugin, given by go-xla's name or its absolute path, computes on the CPU. A plugin at an unknown path is
// started to find out.
func isCPUPlugin(plugin string) (bool, error) {
	switch {
	case !filepath.IsAbs(plugin):
		return plugin == "cpu" || strings.HasPrefix(plugin, "cpu_"), nil
	case plugin == cpuPlugin():
		return true, nil
	case pjrt.IsCUDAName(filepath.Base(plugin)):
		return false, nil // not started: its client takes the GPU's memory
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

func hasGPU() bool { return hasGPUUnder("/") }

// hasGPUUnder reports whether there is an NVIDIA driver: its control device, or, in Windows' Linux (WSL2), the device of all its GPUs and
// NVIDIA's library.
func hasGPUUnder(root string) bool {
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}
	return exists("dev/nvidiactl") || exists("dev/dxg") && exists("usr/lib/wsl/lib/libcuda.so.1")
}

// cpuPlugin returns the absolute path of the CPU plugin: $PJRT_CPU_PLUGIN, or the wheel in the .venv of the project that contains the
// working folder; "" if there is none. With an absolute path go-xla downloads nothing.
func cpuPlugin() string {
	if os.Getenv(EnvPlugin) != "" {
		return pluginFromEnv()
	}
	dir := os.Getenv("GONB_DIR") // the notebook's folder, in its cells
	if dir == "" {
		dir, _ = os.Getwd()
	}
	for {
		const wheel = ".venv/lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"
		if found, _ := fs.Glob(os.DirFS(dir), wheel); len(found) > 0 { // the folder's own name may have brackets
			return filepath.Join(dir, found[0])
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// pluginFromEnv returns the path in $PJRT_CPU_PLUGIN, made absolute. What is wrong with it is reported when the plugin is started.
func pluginFromEnv() string {
	path, err := userpath.FromEnv(EnvPlugin)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return os.Getenv(EnvPlugin)
	}
	return path
}
