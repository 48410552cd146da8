package cifar

import (
	"bytes"
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
		im, err := small.pickleBatch(smallFile(Python, Python.batchFile(id)))
		require.NoError(t, err)
		require.Equal(t, smallImages(id), im)
	}
}

// TestPickleOfPython3 reads batches that Python 3 with numpy 2.4 wrote. Their pixel i, counted through
// both images, is 7i mod 251.
func TestPickleOfPython3(t *testing.T) {
	t.Parallel()
	for protocol := 2; protocol <= 4; protocol++ {
		data, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("numpy2-protocol%d.pickle", protocol)))
		require.NoError(t, err)
		for _, name := range []string{"numpy._core.", "numpy.core."} { // numpy 2, numpy 1
			if name == "numpy.core." && protocol == 4 {
				continue // where names have a length before them
			}
			im, err := small.pickleBatch(bytes.Replace(data, []byte("numpy._core."), []byte(name), 1))
			require.NoError(t, err, "protocol %d, %s", protocol, name)
			require.Equal(t, []uint8{3, 9}, im.labels)
			for i, v := range im.planes {
				require.EqualValues(t, 7*i%251, v)
			}
		}
	}
}

func TestLong(t *testing.T) {
	t.Parallel()
	for want, code := range map[int64]string{
		0: "\x8a\x00", 255: "\x8a\x02\xff\x00", -1: "\x8a\x01\xff", -128: "\x8a\x01\x80", 1 << 62: "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40",
		-2: "J\xfe\xff\xff\xff", 65535: "M\xff\xff",
	} {
		v, err := unpickle([]byte(code + "."))
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
}

// arrayOf is a pickled dictionary with labels [1, 2] and data, given by its instructions.
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

func TestBadPickles(t *testing.T) {
	good := smallPickle
	_, err := small.pickleBatch(arrayOf(numpyArray(goodShape, "u1", "\x89", 6144)))
	require.NoError(t, err)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "the pickle ends too early"},
		{"os.system", []byte("\x80\x02cos\nsystem\nU\x02ls\x85R."), `asks for the Python object "system" of module "os"`},
		{"os.system, protocol 4", []byte("\x80\x04\x8c\x02os\x8c\x06system\x93."), `asks for the Python object "system" of module "os"`},
		{"eval", []byte("\x80\x02c__builtin__\neval\nU\x011\x85R."), `"eval" of module "__builtin__"`},
		{"another numpy function", patched(t, good(), "cnumpy.core.multiarray\n_reconstruct", "cnumpy.core.multiarray\nfromfile"),
			`"fromfile" of module "numpy.core.multiarray"; only what numpy needs for an array is allowed`},
		{"dot too many", []byte("cnumpy.core.multiarray.\n_reconstruct\n."), "the file is refused"},
		{"protocol 5", readTestdata(t, "numpy2-protocol5.pickle"), "pickle protocol 5, want 2, 3 or 4"},
		{"protocol 0", []byte("(dp0\nS'labels'\n."), "pickle instruction 0x64 at byte 1: not an instruction that CIFAR-10 needs"},
		{"build by name", []byte("\x80\x02(U\x01xicos\nsystem\n."), "not an instruction that CIFAR-10 needs"},
		{"persistent id", []byte("\x80\x02U\x01xQ."), "pickle instruction 0x51"},
		{"new object", []byte("\x80\x02cnumpy\nndarray\n)\x81."), "pickle instruction 0x81"},
		{"extension", []byte("\x80\x02\x82\x01."), "pickle instruction 0x82"},
		{"no stop", good()[:len(good())-1], "the pickle ends too early"},
		{"two values", []byte("K\x01K\x02."), "leaves 2 values, want 1"},
		{"no value", []byte("\x80\x02."), "leaves 0 values, want 1"},
		{"open mark", []byte("K\x01(."), "the pickle leaves"},
		{"a list", []byte("\x80\x02]."), "the pickle holds a list, want a dictionary"},
		{"string longer than the file", []byte("\x80\x02T\xff\xff\xff\x7fx."), "pickle instruction 0x54 at byte 2: the pickle ends too early"},
		{"string of 2^63 bytes", []byte("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffx."), "the pickle ends too early"},
		{"line without end", []byte("\x80\x02cnumpy"), "the pickle ends too early"},
		{"second line without end", []byte("\x80\x02cnumpy\nndarray"), "the pickle ends too early"},
		{"pop from nothing", []byte("\x80\x02\x87."), "takes more from the stack"},
		{"pop below a mark", []byte("\x80\x02K\x01K\x02(\x86."), "takes more from the stack"},
		{"no mark", []byte("\x80\x02t."), "takes more from the stack"},
		{"append to nothing", []byte("\x80\x02a."), "takes more from the stack"},
		{"append to a number", []byte("\x80\x02K\x01K\x02a."), "appends to an integer, want a list"},
		{"items to a list", []byte("\x80\x02]U\x01aK\x01s."), "sets items of a list, want a dictionary"},
		{"items of nothing", []byte("\x80\x02(U\x01aK\x01u."), "takes more from the stack"},
		{"key without value", []byte("\x80\x02}(U\x01au."), "a dictionary key without a value"},
		{"key is a number", []byte("\x80\x02}K\x01K\x02s."), "a dictionary key is an integer, want a string"},
		{"key is a list", []byte("\x80\x02}]K\x02s."), "a dictionary key is a list"},
		{"long key", []byte("\x80\x02}U\xc8" + strings.Repeat("k", 200) + "K\x02s."), "a dictionary key of 200 bytes"},
		{"memo entry unknown", []byte("\x80\x02h\x07."), "memo entry 7 was never written"},
		{"memo entry unknown, long", []byte("\x80\x02j\x07\x00\x00\x00."), "memo entry 7 was never written"},
		{"memo of nothing", []byte("\x80\x02q\x00."), "takes more from the stack"},
		{"integer of 9 bytes", []byte("\x80\x02\x8a\x09123456789."), "an integer of 9 bytes"},
		{"global name is a number", []byte("\x80\x04K\x01K\x02\x93."), "the name of a Python object is not a string"},
		{"global without names", []byte("\x80\x04\x93."), "takes more from the stack"},
		{"call without arguments", []byte("\x80\x02R."), "takes more from the stack"},
		{"call of a number", []byte("\x80\x02K\x01)R."), "a call of an integer"},
		{"call of ndarray", []byte("\x80\x02cnumpy\nndarray\n)R."), "a call of numpy.ndarray with arguments that numpy does not write"},
		{"dtype of a number", []byte("\x80\x02cnumpy\ndtype\nK\x01K\x00K\x01\x87R."), "a call of numpy.dtype with arguments"},
		{"other codec", []byte("\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aU\x03zip\x86R."), "a call of _codecs.encode with arguments"},
		{"text beyond Latin-1", []byte("\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00€U\x06latin1\x86R."), "not Latin-1 text"},
		{"build nothing", []byte("\x80\x02b."), "takes more from the stack"},
		{"build without target", []byte("\x80\x02K\x01b."), "takes more from the stack"},
		{"build a number", []byte("\x80\x02K\x01)b."), "sets the state of an integer"},
		{"state too short", []byte(newEmpty + "K\x01\x85b."), "sets the state of a numpy array in a way that numpy does not"},
		{"state of wrong kinds", []byte(newEmpty + "(K\x01K\x02K\x03K\x04K\x05tb."), "sets the state of a numpy array in a way"},
		{"shape of strings", arrayOf(numpyArray("U\x01aU\x01b\x86", "u1", "\x89", 6144)), "not made of integers"},
		{"65 dimensions", arrayOf(numpyArray("("+strings.Repeat("K\x01", 65)+"t", "u1", "\x89", 6144)), "a numpy array of 65 dimensions"},

		{"CIFAR-100", patched(t, good(), "U\x06labels", "U\x0bfine_labels"), "this is CIFAR-100 (100 classes), want CIFAR-10"},
		{"no labels", patched(t, good(), "U\x06labels", "U\x06lAbels"), `no entry "labels", only "batch_label, data, filenames, lAbels"`},
		{"no data", patched(t, good(), "U\x04data", "U\x04dada"), `no entry "data"`},
		{"labels are a number", []byte("\x80\x02}U\x06labelsK\x01s."), `entry "labels" is an integer, want a list`},
		{"labels are none", []byte("\x80\x02}U\x06labelsNs."), `entry "labels" is nothing, want a list`},
		{"3 labels", patched(t, good(), "(K\x02K\x03e", "(K\x02K\x03K\x04e"), "3 labels, want 2"},
		{"label 10", patched(t, good(), "(K\x02K\x03e", "(K\x02K\x0ae"), "image 1 has label 10, want 0 to 9"},
		{"label -1", patched(t, good(), "(K\x02K\x03e", "(K\x02J\xff\xff\xff\xffe"), "image 1 has label -1"},
		{"label is a string", patched(t, good(), "(K\x02K\x03e", "(K\x02U\x01ae"), "the label of image 1 is a string, want an integer"},
		{"label is true", patched(t, good(), "(K\x02K\x03e", "(K\x02\x88e"), "the label of image 1 is a truth value"},
		{"label is a tuple", patched(t, good(), "(K\x02K\x03e", "(K\x02)e"), "the label of image 1 is a tuple"},
		{"data is a list", arrayOf("]"), `entry "data" is a list, want a numpy array`},
		{"data is a dictionary", arrayOf("}"), `entry "data" is a dictionary, want a numpy array`},
		{"data is a type", arrayOf("cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"), `entry "data" is a numpy type`},
		{"array never filled", arrayOf(newEmpty), `numpy type "", want "u1"`},
		{"floats", arrayOf(numpyArray(goodShape, "f4", "\x89", 6144)), `pixels of numpy type "f4", want "u1" (uint8)`},
		{"signed bytes", patched(t, good(), "U\x02u1", "U\x02i1"), `pixels of numpy type "i1"`},
		{"other shape", arrayOf(numpyArray("K\x02K\x20K\x20\x87", "u1", "\x89", 6144)), "pixels of shape [2 32 32], want [2 3072]"},
		{"column-major", arrayOf(numpyArray(goodShape, "u1", "\x88", 6144)), "column-major (Fortran) order, want row-major"},
		{"too few pixels", arrayOf(numpyArray(goodShape, "u1", "\x89", 6000)), "6000 bytes of pixels, want 6144 for shape [2 3072]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			badinput.Refused(t, "pickle", func() error {
				_, err := small.pickleBatch(test.data)
				return err
			}, test.want)
		})
	}
}

func readTestdata(t testing.TB, name string) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// TestBadPickleBombs are small files that would need much memory if every value were copied, or that
// would run for long.
func TestBadPickleBombs(t *testing.T) {
	text := "X" + string(binary.LittleEndian.AppendUint32(nil, 1<<20)) + strings.Repeat("a", 1<<20)
	for name, test := range map[string]struct{ code, want string }{
		"instructions": {strings.Repeat("]", maxOps+1), "more than 1048576 instructions"},
		"encoded again and again": {
			text + "q\x00" + strings.Repeat("c_codecs\nencode\nh\x00U\x06latin1\x86R", 1000), "more text than the file holds"},
		"long keys": {text + "q\x00" + strings.Repeat("}h\x00Ns", 1000), "a dictionary key of 1048576 bytes"},
		"long type names": { // shared, not copied
			text + "q\x00" + strings.Repeat("cnumpy\ndtype\nh\x00NN\x87R", 1000), "the pickle leaves 1001 values"},
		"lists in lists": {"]q\x00" + strings.Repeat("h\x00a"+"h\x00", 1000), "leaves"},
	} {
		t.Run(name, func(t *testing.T) {
			badinput.Refused(t, "pickle", func() error {
				_, err := unpickle([]byte(test.code + "."))
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
		{[]byte("\x80\x02}U\x10fine_label_names]s."), "this is CIFAR-100"},
		{[]byte("\x80\x02}U\x0blabel_names]K\x01as."), "class name 0 is an integer, want a string"},
		{[]byte("\x80\x02}U\x0blabel_names]s."), "0 class names, want 10: airplane, automobile"},
		{patched(t, meta, "U\x03cat", "U\x03cAt"), `class 3 is called "cAt", want "cat"`},
	} {
		require.ErrorContains(t, small.meta(Python, test.data), test.want)
	}
}
