package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExperimentNames(t *testing.T) {
	t.Parallel()
	code, out, err := call("experiment", "list")
	require.Zero(t, code, err)
	require.Contains(t, out, "reference        the chapter's recipe")
	require.Contains(t, out, "\nmodern ")
	code, _, err = call("experiment", "cold-fusion")
	require.Equal(t, 1, code)
	require.Contains(t, err, `no row "cold-fusion", want one of reference, modern`)
	code, _, err = call("experiment")
	require.Equal(t, 2, code)
	require.Contains(t, err, `0 arguments, want "NAME|list"`)
}
