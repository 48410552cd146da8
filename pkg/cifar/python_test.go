package cifar

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
)

func TestPickleBatch(t *testing.T) {
	t.Parallel()
	for _, id := range allBatches {
		im, err := small.pickleBatch(id, smallFile(Python, Python.batchFile(id)))
		require.NoError(t, err)
		require.Equal(t, smallImages(id), im)
	}
}

func python3Batch(t testing.TB, protocol int) []byte {
	data, err := os.ReadFile(filepath.Join("internal", "pickle", "testdata", fmt.Sprintf("numpy2-protocol%d.pickle", protocol)))
	require.NoError(t, err)
	return data
}

// TestPickleOfPython3 reads batches that Python 3 with numpy 2.4 wrote. Their pixel i, counted through
// both images, is 7i mod 251.
func TestPickleOfPython3(t *testing.T) {
	t.Parallel()
	for protocol := 2; protocol <= 5; protocol++ {
		im, err := small.pickleBatch(1, python3Batch(t, protocol))
		require.NoError(t, err, "protocol %d", protocol)
		require.Equal(t, []uint8{3, 9}, im.labels)
		for i, v := range im.planes {
			require.EqualValues(t, 7*i%251, v)
		}
	}
}

// arrayOf is a pickled dictionary with labels [1, 2] and data, given by its opcodes.
func arrayOf(data string) []byte {
	return []byte("\x80\x02}(U\x06labels](K\x01K\x02eU\x04data" + data + "u.")
}

const newEmpty = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"

// numpyArray has shape (2, 3072) and the given type, order and number of bytes.
func numpyArray(shape, dtype, fortran string, n int) string {
	return newEmpty + "(K\x01" + shape + "cnumpy\ndtype\nU" + string(rune(len(dtype))) + dtype + "K\x00K\x01\x87R" +
		fortran + "T" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) + strings.Repeat("x", n) + "tb"
}

const goodShape = "K\x02M\x00\x0c\x86" // (2, 3072)

func TestBadBatches(t *testing.T) {
	good := smallPickle
	_, err := small.pickleBatch(1, arrayOf(numpyArray(goodShape, "u1", "\x89", 6144)))
	require.NoError(t, err)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"a list", []byte("\x80\x02]."), "pickle contains a list, want a dictionary"},
		{"no stop", good()[:len(good())-1], "pickle is truncated"},
		{"another numpy function", patched(t, good(), "cnumpy.core.multiarray\n_reconstruct", "cnumpy.core.multiarray\nfromfile"),
			`"fromfile" of module "numpy.core.multiarray" is not allowed`},
		{"CIFAR-100", patched(t, good(), "U\x06labels", "U\x0bfine_labels"), "not CIFAR-10 but CIFAR-100 (100 classes)"},
		{"no labels", patched(t, good(), "U\x06labels", "U\x06lAbels"), `no entry "labels", only "batch_label, data, filenames, lAbels"`},
		{"no data", patched(t, good(), "U\x04data", "U\x04dada"), `no entry "data"`},
		{"labels are a number", []byte("\x80\x02}U\x06labelsK\x01s."), `entry "labels" is an integer, want a list`},
		{"labels are none", []byte("\x80\x02}U\x06labelsNs."), `entry "labels" is None, want a list`},
		{"3 labels", patched(t, good(), "(K\x02K\x03e", "(K\x02K\x03K\x04e"), "3 labels, want 2"},
		{"label 10", patched(t, good(), "(K\x02K\x03e", "(K\x02K\x0ae"), "image 1 has label 10, want 0 to 9"},
		{"label -1", patched(t, good(), "(K\x02K\x03e", "(K\x02J\xff\xff\xff\xffe"), "image 1 has label -1"},
		{"label is a string", patched(t, good(), "(K\x02K\x03e", "(K\x02U\x01ae"), "label of image 1 is a string, want an integer"},
		{"label is true", patched(t, good(), "(K\x02K\x03e", "(K\x02\x88e"), "label of image 1 is a bool"},
		{"label is a tuple", patched(t, good(), "(K\x02K\x03e", "(K\x02)e"), "label of image 1 is a tuple"},
		{"data is a list", arrayOf("]"), `entry "data" is a list, want a numpy array`},
		{"data is a dictionary", arrayOf("}"), `entry "data" is a dictionary, want a numpy array`},
		{"data is a type", arrayOf("cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"), `entry "data" is a numpy dtype`},
		{"array never filled", arrayOf(newEmpty), `pixels of dtype "", want "u1"`},
		{"floats", arrayOf(numpyArray(goodShape, "f4", "\x89", 6144)), `pixels of dtype "f4", want "u1" (uint8)`},
		{"signed bytes", patched(t, good(), "U\x02u1", "U\x02i1"), `pixels of dtype "i1"`},
		{"other shape", arrayOf(numpyArray("K\x02K\x20K\x20\x87", "u1", "\x89", 6144)), "pixels of shape [2 32 32], want [2 3072]"},
		{"column-major", arrayOf(numpyArray(goodShape, "u1", "\x88", 6144)), "column-major (Fortran) order, want row-major"},
		{"too few pixels", arrayOf(numpyArray(goodShape, "u1", "\x89", 6000)), "6000 bytes of pixels, want 6144 for shape [2 3072]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			badinput.Refused(t, "batch", func() error {
				_, err := small.pickleBatch(1, test.data)
				return err
			}, test.want)
		})
	}
}

func TestPickleLabelNames(t *testing.T) {
	t.Parallel()
	meta := smallFile(Python, "batches.meta")
	names, err := pickleLabelNames(meta)
	require.NoError(t, err)
	require.Equal(t, Classes[:], names)
	require.NoError(t, small.meta(Python, meta))

	for _, test := range []struct {
		data []byte
		want string
	}{
		{[]byte("."), "leaves 0 values"},
		{[]byte("\x80\x02}."), `no entry "label_names"`},
		{[]byte("\x80\x02}U\x10fine_label_names]s."), "not CIFAR-10 but CIFAR-100"},
		{[]byte("\x80\x02}U\x0blabel_names]K\x01as."), "class name 0 is an integer, want a string"},
		{[]byte("\x80\x02}U\x0blabel_names]s."), "0 class names, want 10: airplane, automobile"},
		{patched(t, meta, "U\x03cat", "U\x03cAt"), `name of class 3 is "cAt", want "cat"`},
	} {
		require.ErrorContains(t, small.meta(Python, test.data), test.want)
	}
}
