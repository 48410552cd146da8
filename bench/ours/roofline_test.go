package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/resnet"
)

// A program written by hand: a batched product twice, a product with a tuple beside it, and a kernel that takes two slices of its
// first operand and all of its second.
const text = `HloModule test, is_scheduled=true

%fused (p.0: f32[8,8], p.1: f32[2,4]) -> f32[2,4] {
  %p.1 = f32[2,4]{1,0} parameter(1)
  %p.0 = f32[8,8]{1,0} parameter(0)
  %s.0 = f32[2,4]{1,0} slice(%p.0), slice={[0:2], [0:4]}
  %s.1 = f32[2,4]{1,0} slice(%p.0), slice={[2:4], [0:4]}
  %m = f32[2,4]{1,0} multiply(%s.0, %s.1)
  ROOT %a = f32[2,4]{1,0} add(%m, %p.1)
}

ENTRY %main (a: f32[4,10,3], b: f32[4,3,5], c: f32[8,8], d: f32[2,4]) -> (f32[2,4], f32[4,10,5]) {
  %a = f32[4,10,3]{2,1,0} parameter(0)
  %b = f32[4,3,5]{2,1,0} parameter(1)
  %c = f32[8,8]{1,0} parameter(2)
  %d = f32[2,4]{1,0} parameter(3)
  %x = f32[4,10,5]{2,1,0} dot(%a, %b), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, rhs_contracting_dims={1}
  %y = f32[4,10,5]{2,1,0} dot(%a, %b), lhs_batch_dims={0}, lhs_contracting_dims={2}, rhs_batch_dims={0}, rhs_contracting_dims={1}
  %z = f32[2,8]{1,0} dot(%d, %c), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  %f = f32[2,4]{1,0} fusion(%c, %d), kind=kLoop, calls=%fused, metadata={source_line=1}
  %pair = (bf16[2,4]{1,0}, /*index=1*/s64[]) fusion(%d), kind=kLoop, calls=%unknown
  ROOT %t = (f32[2,4]{1,0}, f32[4,10,5]{2,1,0}) tuple(%f, %y)
}
`

func TestReadProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	p, err := readProgram(path)
	require.NoError(t, err)
	require.Len(t, p.products, 2)
	require.Equal(t, 2, p.products[0].count)
	require.EqualValues(t, 2*(4*10*5*3)+2*8*4, p.macs())
	require.Equal(t, []int64{4 * (2*8 + 8 + 8), 4*8 + 2*8 + 8}, p.kernels)
	require.EqualValues(t, 2*4*(120+60+200)+4*(8+64+16)+128+56, p.bytes())
}

// The multiply-adds of the network's convolutions and dense layers are those of its summary. As the project computes them, in the
// program that XLA has optimised, there are fewer, and the program moves at least what leastBytes counts.
func TestProgramsCountAsTheSummary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_dump_hlo_as_text --xla_dump_to="+dir) // read with the first program
	b, err := backend.New("xla:cpu", nil)
	if err != nil {
		t.Skip(err)
	}
	defer b.Finalize()
	const batch = 4
	for _, stem := range resnet.Stems() {
		s := resnet.Config{NumClasses: 10, Stem: stem}.Summary()
		want := batch * s.MACs()

		compile(t, b, resnet.Config{NumClasses: 10, Stem: stem, Lowering: "native"}, batch)
		p := read(t, dir, "before_optimizations.txt")
		require.Equal(t, want, p.macs())
		require.Equal(t, want, directMACs(s, batch, false))

		compile(t, b, resnet.Config{NumClasses: 10, Stem: stem}, batch)
		p = read(t, dir, "after_optimizations.txt")
		require.Less(t, p.macs(), want)
		require.Greater(t, p.macs(), want/4) // Winograd's products are 16 instead of 36, and others leave padding out
		require.Greater(t, p.bytes(), leastBytes(s, batch, false))
	}
}

// compile has XLA compile the evaluation of a network.
func compile(t *testing.T, b compute.Backend, c resnet.Config, batch int) {
	store := model.NewStore()
	defer store.Finalize()
	require.NoError(t, c.Init(store, 1))
	e, err := model.NewExec(b, store, func(scope *model.Scope, images *graph.Node) *graph.Node {
		scope.Store().SetTraining(images.Graph(), false)
		return c.Logits(scope, images)
	})
	require.NoError(t, err)
	defer e.Finalize()
	_, err = e.Call(filled([]int{batch, 32, 32, 3}))
	require.NoError(t, err)
}

// read reads the largest dumped program whose file ends in suffix, and removes all dumped files.
func read(t *testing.T, dir, suffix string) program {
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	require.NoError(t, err)
	path, largest := "", int64(0)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		if strings.HasSuffix(f, suffix) && info.Size() > largest {
			path, largest = f, info.Size()
		}
	}
	p, err := readProgram(path)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, os.Remove(f))
	}
	return p
}

// Training computes each layer three times, but not the gradient of the images, and an evaluation once.
func TestDirectMACs(t *testing.T) {
	s := resnet.Config{NumClasses: 10}.Summary()
	stem := int64(16 * 16 * 7 * 7 * 3 * 64)
	require.Equal(t, 64*(3*s.MACs()-stem), directMACs(s, 64, true))
}
