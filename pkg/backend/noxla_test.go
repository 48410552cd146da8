//go:build !(cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64)))

package backend

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// why is what the fallback's line says.
const why = "built without it"

func TestNoXLA(t *testing.T) {
	for _, config := range []string{"xla", "xla:cpu", "xla:cuda"} {
		_, err := New(config, nil)
		require.ErrorContains(t, err, "XLA needs a build with cgo")
	}
	require.Empty(t, xlaCandidates())
	require.Empty(t, cpuPlugin())
}
