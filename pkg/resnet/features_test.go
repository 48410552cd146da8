package resnet

import (
	"bytes"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

// TestReadFeatures puts weights with 1,000 outputs, or with no last layer at all, into a network with 10.
func TestReadFeatures(t *testing.T) {
	t.Parallel()
	c := Custom(3, 10, true)
	library := Library().Params()
	for name, params := range map[string][]nn.Param{"1,000 outputs": library, "no last layer": library[:len(library)-2]} {
		from, to := initialised(t, Library(), 1), initialised(t, c, 2)
		fresh := initialised(t, c, 2)
		f := asFile(t, from, params)
		require.ErrorContains(t, nn.ReadWeights(f, to, c.Params()), `"fc.weight"`, name)
		require.NoError(t, nn.ReadFeatures(f, to, c.Params()), name)
		for _, p := range c.Params() {
			want := from
			if p.Name == "fc.weight" || p.Name == "fc.bias" {
				want = fresh
			}
			require.Equal(t, values(t, c, want, p.Name), values(t, c, to, p.Name), "%s: %s", name, p.Name)
		}
	}
	missing := asFile(t, initialised(t, Library(), 1), library[1:])
	require.ErrorContains(t, nn.ReadFeatures(missing, model.NewStore(), c.Params()), `no tensor "conv1.weight"`)
}

func asFile(t *testing.T, store *model.Store, params []nn.Param) *safetensors.File {
	var b bytes.Buffer
	require.NoError(t, nn.WriteWeights(&b, store, params, nil))
	f, err := safetensors.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	return f
}
