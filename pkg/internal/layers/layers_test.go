// Package layers holds the test that the project's packages import downwards only: see ARCHITECTURE.md.
package layers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "nndl.example/resnet18/"

// levels lists the packages from the bottom to the top. A package may import those of lower levels only. A new package needs
// a place here.
var levels = [][]string{
	{"data", "site", "pkg/internal/atomicfile", "pkg/internal/filetype", "pkg/internal/kind", "pkg/internal/regularfile", "pkg/internal/userpath"},
	{"pkg/backend", "pkg/cifar", "pkg/chart", "pkg/optim", "pkg/picture", "pkg/safetensors"},
	{"pkg/nn", "pkg/metrics", "pkg/imagefolder"},
	{"pkg/resnet", "pkg/airbench", "pkg/pretrained"},
	{"pkg/runner", "pkg/inspect"},
	{"pkg/lab", "pkg/playground"},
	{"pkg/experiments", "pkg/exercises"},
	{"cmd/resnet18", "cmd/drawings", "cmd/browser"},
}

// withoutBackend are the packages that get their backend from the caller, for example from a page compiled to WebAssembly.
var withoutBackend = []string{"pkg/nn", "pkg/resnet", "pkg/airbench", "pkg/cifar", "pkg/chart", "pkg/optim", "pkg/metrics", "pkg/inspect", "pkg/safetensors", "pkg/picture", "pkg/pretrained", "pkg/playground", "pkg/imagefolder"}

// goList returns the packages of the project with those that they import, without their tests: directly, or with deps at any
// distance.
func goList(t *testing.T, field string) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .`+field+` " "}}`, module+"...")
	out, err := cmd.Output()
	require.NoError(t, err)
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], module)
		imports[name] = []string{}
		for _, w := range words[1:] {
			if own, ok := strings.CutPrefix(w, module); ok {
				imports[name] = append(imports[name], own)
			}
		}
	}
	return imports
}

// level returns the level of a package, -1 for one that only tests or tools use. An internal package belongs to the level
// of the package whose folder it is in.
func level(name string) int {
	return slices.IndexFunc(levels, func(names []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return name == n || strings.HasPrefix(name, n+"/") })
	})
}

func TestImportsGoDown(t *testing.T) {
	for name, imports := range goList(t, "Imports") {
		own := level(name)
		if strings.HasPrefix(name, "work/") {
			continue // not in the repository
		}
		if own < 0 && (strings.HasPrefix(name, "bench/") || strings.HasPrefix(name, "examples/") || strings.HasPrefix(name, "pkg/internal/")) {
			continue // programs, and what tests share: nothing imports them
		}
		require.NotEqual(t, -1, own, "%s has no level: add it to levels", name)
		for _, i := range imports {
			if strings.HasPrefix(i, name+"/") || strings.HasPrefix(name, i+"/") {
				continue // its own internal package
			}
			require.GreaterOrEqual(t, level(i), 0, "%s imports %s, which is for tests", name, i)
			require.Less(t, level(i), own, "%s must not import %s", name, i)
		}
	}
}

func TestNetworksDoNotChooseBackends(t *testing.T) {
	deps := goList(t, "Deps")
	for _, name := range withoutBackend {
		require.Contains(t, deps, name)
		require.NotContains(t, deps[name], "pkg/backend", "%s depends on pkg/backend", name)
	}
	for _, name := range []string{"data", "data/weights", "pkg/cifar"} {
		require.NotContains(t, deps["pkg/pretrained"], name, "a page gets its weights as bytes")
	}
	for _, name := range []string{"pkg/resnet", "pkg/airbench"} {
		require.NotContains(t, deps["pkg/runner"], name, "pkg/runner trains any model and must not know %s", name)
	}
}

// TestBrowserProgram: the program of the page in site/ builds for WebAssembly, without the embedded images (19 MB) and net/http.
func TestBrowserProgram(t *testing.T) {
	command := func(args ...string) string {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOEXPERIMENT=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "go %v: %s", args, out)
		return string(out)
	}
	deps := strings.Fields(command("list", "-deps", module+"cmd/browser"))
	require.Contains(t, deps, module+"pkg/resnet")
	for _, heavy := range []string{"net", "net/http", "embed", module + "data", module + "pkg/cifar"} {
		require.NotContains(t, deps, heavy)
	}
	if testing.Short() {
		t.Skip("short: the program is not built")
	}
	command("build", "-o", filepath.Join(t.TempDir(), "browser.wasm"), module+"cmd/browser")
}
