package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
)

func readTestdata(t testing.TB, protocol int) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("numpy2-protocol%d.pickle", protocol)))
	require.NoError(t, err)
	return data
}

// TestPython3 decodes batches of 2 images that Python 3 with numpy 2.4 wrote.
func TestPython3(t *testing.T) {
	t.Parallel()
	for protocol := 2; protocol <= 5; protocol++ {
		data := readTestdata(t, protocol)
		for _, name := range []string{"numpy._core.", "numpy.core."} { // numpy 2, numpy 1
			if name == "numpy.core." && protocol >= 4 {
				continue // where names have a length before them
			}
			v, err := Decode(bytes.Replace(data, []byte("numpy._core."), []byte(name), 1))
			require.NoError(t, err, "protocol %d, %s", protocol, name)
			d := v.(Dict)
			require.Equal(t, &List{[]any{int64(3), int64(9)}}, d["labels"])
			a := d["data"].(*Array)
			require.Equal(t, []int64{2, 3072}, a.Shape)
			require.Equal(t, "u1", a.DType)
			require.False(t, a.Fortran)
			require.Len(t, a.Data, 2*3072)
			for i, v := range a.Data {
				require.EqualValues(t, 7*i%251, v)
			}
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]any{
		"\x8a\x00": int64(0), "\x8a\x02\xff\x00": int64(255), "\x8a\x01\xff": int64(-1), "\x8a\x01\x80": int64(-128),
		"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40": int64(1 << 62), "J\xfe\xff\xff\xff": int64(-2), "M\xff\xff": int64(65535),
		"N": nil, "\x88": true, "\x89": false, "U\x02ab": []byte("ab"),
		"]K\x01a": &List{[]any{int64(1)}}, "K\x01N\x86": Tuple{int64(1), nil}, "}U\x01aK\x02s": Dict{"a": int64(2)},
	} {
		v, err := Decode([]byte(code + "."))
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
}

const emptyArray = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"

// numpyArray is a pickled array of n bytes; shape is given by its opcodes.
func numpyArray(shape, dtype string, n int) []byte {
	return []byte(emptyArray + "(K\x01" + shape + "cnumpy\ndtype\nU" + string(rune(len(dtype))) + dtype + "K\x00K\x01\x87R" +
		"\x89T" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) + strings.Repeat("x", n) + "tb.")
}

func TestBadPickles(t *testing.T) {
	_, err := Decode(numpyArray("K\x0a\x85", "u1", 10))
	require.NoError(t, err)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "pickle is truncated"},
		{"os.system", []byte("\x80\x02cos\nsystem\nU\x02ls\x85R."), `object "system" of module "os" is not allowed`},
		{"os.system, protocol 4", []byte("\x80\x04\x8c\x02os\x8c\x06system\x93."), `object "system" of module "os" is not allowed`},
		{"eval", []byte("\x80\x02c__builtin__\neval\nU\x011\x85R."), `"eval" of module "__builtin__"`},
		{"another numpy function", []byte("\x80\x02cnumpy.core.multiarray\nfromfile\n."),
			`"fromfile" of module "numpy.core.multiarray" is not allowed, only those that numpy needs for an array`},
		{"dot too many", []byte("cnumpy.core.multiarray.\n_reconstruct\n."), `module "numpy.core.multiarray." is not allowed`},
		{"protocol 6", []byte("\x80\x06N."), "pickle protocol 6, want 2 to 5"},
		{"protocol 0", []byte("(dp0\nS'labels'\n."), "pickle opcode 0x64 at byte 1: unsupported opcode"},
		{"build by name", []byte("\x80\x02(U\x01xicos\nsystem\n."), "unsupported opcode"},
		{"persistent id", []byte("\x80\x02U\x01xQ."), "pickle opcode 0x51"},
		{"new object", []byte("\x80\x02cnumpy\nndarray\n)\x81."), "pickle opcode 0x81"},
		{"extension", []byte("\x80\x02\x82\x01."), "pickle opcode 0x82"},
		{"no stop", []byte("\x80\x02K\x01"), "pickle is truncated"},
		{"two values", []byte("K\x01K\x02."), "leaves 2 values on the stack, want 1"},
		{"no value", []byte("\x80\x02."), "leaves 0 values on the stack, want 1"},
		{"open mark", []byte("K\x01(."), "pickle leaves"},
		{"string longer than the file", []byte("\x80\x02T\xff\xff\xff\x7fx."), "pickle opcode 0x54 at byte 2: pickle is truncated"},
		{"string of 2^63 bytes", []byte("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffx."), "pickle is truncated"},
		{"line without end", []byte("\x80\x02cnumpy"), "pickle is truncated"},
		{"second line without end", []byte("\x80\x02cnumpy\nndarray"), "pickle is truncated"},
		{"pop from nothing", []byte("\x80\x02\x87."), "stack underflow"},
		{"pop below a mark", []byte("\x80\x02K\x01K\x02(\x86."), "stack underflow"},
		{"no mark", []byte("\x80\x02t."), "stack underflow"},
		{"append to nothing", []byte("\x80\x02a."), "stack underflow"},
		{"append to a number", []byte("\x80\x02K\x01K\x02a."), "append to an integer, want a list"},
		{"items to a list", []byte("\x80\x02]U\x01aK\x01s."), "set an item of a list, want a dictionary"},
		{"items of nothing", []byte("\x80\x02(U\x01aK\x01u."), "stack underflow"},
		{"key without value", []byte("\x80\x02}(U\x01au."), "dictionary key without a value"},
		{"key is a number", []byte("\x80\x02}K\x01K\x02s."), "dictionary key is an integer, want a string"},
		{"key is a list", []byte("\x80\x02}]K\x02s."), "dictionary key is a list"},
		{"long key", []byte("\x80\x02}U\xc8" + strings.Repeat("k", 200) + "K\x02s."), "dictionary key of 200 bytes"},
		{"memo entry unknown", []byte("\x80\x02h\x07."), "memo entry 7 is not set"},
		{"memo entry unknown, long", []byte("\x80\x02j\x07\x00\x00\x00."), "memo entry 7 is not set"},
		{"memo of nothing", []byte("\x80\x02q\x00."), "stack underflow"},
		{"integer of 9 bytes", []byte("\x80\x02\x8a\x09123456789."), "integer of 9 bytes, want at most 8"},
		{"global name is a number", []byte("\x80\x04K\x01K\x02\x93."), "name of a Python object is not a string"},
		{"global without names", []byte("\x80\x04\x93."), "stack underflow"},
		{"call without arguments", []byte("\x80\x02R."), "stack underflow"},
		{"call of a number", []byte("\x80\x02K\x01)R."), "call of an integer with unexpected arguments"},
		{"call of ndarray", []byte("\x80\x02cnumpy\nndarray\n)R."), "call of numpy.ndarray with unexpected arguments"},
		{"dtype of a number", []byte("\x80\x02cnumpy\ndtype\nK\x01K\x00K\x01\x87R."), "call of numpy.dtype with unexpected arguments"},
		{"other codec", []byte("\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aU\x03zip\x86R."), "call of _codecs.encode with unexpected arguments"},
		{"text beyond Latin-1", []byte("\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00€U\x06latin1\x86R."), "not Latin-1 text"},
		{"build nothing", []byte("\x80\x02b."), "stack underflow"},
		{"build without target", []byte("\x80\x02K\x01b."), "stack underflow"},
		{"build a number", []byte("\x80\x02K\x01)b."), "set the state of an integer, want a numpy array or dtype"},
		{"state too short", []byte(emptyArray + "K\x01\x85b."), "state of a numpy array has 1 values, want 5"},
		{"state of wrong kinds", []byte(emptyArray + "(K\x01K\x02K\x03K\x04K\x05tb."), "state of a numpy array has values of unexpected types"},
		{"shape of strings", numpyArray("U\x01aU\x01b\x86", "u1", 10), "shape of a numpy array contains a string, want integers"},
		{"65 dimensions", numpyArray("("+strings.Repeat("K\x01", 65)+"t", "u1", 10), "numpy array of 65 dimensions, want at most 64"},
		{"long dtype", numpyArray("K\x0a\x85", strings.Repeat("u", 21), 10), "of 21 bytes, want at most 20"},
	} {
		t.Run(test.name, func(t *testing.T) {
			badinput.Refused(t, "pickle", func() error {
				_, err := Decode(test.data)
				return err
			}, test.want)
		})
	}
}

// TestBadPickleBombs decodes small files that would need much memory if every value were copied, or that would run for long.
func TestBadPickleBombs(t *testing.T) {
	text := "X" + string(binary.LittleEndian.AppendUint32(nil, 1<<20)) + strings.Repeat("a", 1<<20)
	for name, test := range map[string]struct{ code, want string }{
		"opcodes": {strings.Repeat("]", maxOps+1), "more than 1048576 opcodes"},
		"encoded again and again": {
			text + "q\x00" + strings.Repeat("c_codecs\nencode\nh\x00U\x06latin1\x86R", 1000), "more text than the file contains"},
		"long keys": {text + "q\x00" + strings.Repeat("}h\x00Ns", 1000), "dictionary key of 1048576 bytes"},
		"long type names": { // shared, not copied
			text + "q\x00" + strings.Repeat("cnumpy\ndtype\nh\x00NN\x87R", 1000), "pickle leaves 1001 values"},
		"lists in lists": {"]q\x00" + strings.Repeat("h\x00a"+"h\x00", 1000), "leaves"},
	} {
		t.Run(name, func(t *testing.T) {
			badinput.Refused(t, "pickle", func() error {
				_, err := Decode([]byte(test.code + "."))
				return err
			}, test.want)
		})
	}
}

// shortened returns a batch that Python wrote with six bytes of its pixels, so that mutations meet opcodes.
func shortened(t testing.TB, protocol int) []byte {
	var pixels, text []byte
	for i := range 2 * 3072 {
		pixels = append(pixels, byte(7*i%251))
		text = utf8.AppendRune(text, rune(7*i%251))
	}
	if protocol == 2 { // writes bytes as text
		pixels = text
	}
	length := func(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
	data := readTestdata(t, protocol)
	require.Equal(t, 1, bytes.Count(data, pixels))
	require.Equal(t, 1, bytes.Count(data, length(len(pixels))))
	data = bytes.Replace(data, pixels, pixels[:6], 1)
	data = bytes.Replace(data, length(len(pixels)), length(6), 1)
	_, err := Decode(data)
	require.NoError(t, err)
	return data
}

// FuzzDecode: any input gives a value or an error, and each value has a name.
func FuzzDecode(f *testing.F) {
	for protocol := 2; protocol <= 5; protocol++ {
		f.Add(shortened(f, protocol))
	}
	f.Add(numpyArray("K\x0a\x85", "u1", 10))
	f.Add([]byte("\x80\x02cos\nsystem\nU\x02ls\x85R."))
	f.Add([]byte("\x80\x02}(U\x0blabel_names](\x8a\x02\xff\xff)N\x88K\x01h\x00tj\x00\x00\x00\x00au."))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Decode(data)
		if err != nil && v != nil {
			t.Errorf("value %v and error %v", v, err)
		}
		if TypeName(v) == "an unknown type" {
			t.Errorf("%T has no name", v)
		}
	})
}
