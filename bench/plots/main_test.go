package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDrawClass(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("bench", 0o755))
	require.ErrorContains(t, drawClass(), `create it with "make bench-class"`)

	write := func(text string) { require.NoError(t, os.WriteFile("bench/class.json", []byte(text), 0o600)) }
	write(`{"cores": 2, "points": [`)
	require.ErrorContains(t, drawClass(), "bench/class.json: unexpected end of JSON input")
	write(`{"cores": 2, "points": [{"students": 1, "median": 1, "slowest": 2}, {"students": 2, "median": 1, "slowest": 2}]}`)
	require.ErrorContains(t, drawClass(), "got 1 measurements with a student for each of 2 cores, want at least two")
	require.NoFileExists(t, "bench/class.svg")

	write(`{"cores": 2, "points": [{"students": 2, "median": 1, "slowest": 2}, {"students": 4, "median": 3, "slowest": 5}]}`)
	require.NoError(t, drawClass())
	require.FileExists(t, "bench/class.svg")
}
