package lab

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExitOn(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	code := 0
	check := exitOn(&out, func(c int) { code = c })
	check(nil)
	require.Zero(t, code)
	check(errors.New("lab: no trained model: run notebook 03-train first"))
	require.Equal(t, 1, code)
	require.Equal(t, "lab: no trained model: run notebook 03-train first\n", out.String())
}
