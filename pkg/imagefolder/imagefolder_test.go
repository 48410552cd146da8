package imagefolder

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/cifar/cifar10"
)

// write writes a picture of one colour in the format of its name's ending, or a text file.
func write(t *testing.T, path string, red uint8) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	f, err := os.Create(path)
	require.NoError(t, err)
	img := image.NewPaletted(image.Rect(0, 0, 40, 50), color.Palette{color.RGBA{red, 0, 200, 255}})
	switch filepath.Ext(path) {
	case ".png", ".PNG", "":
		err = png.Encode(f, img)
	case ".jpg":
		err = jpeg.Encode(f, img, nil)
	case ".gif":
		err = gif.Encode(f, img, nil)
	default:
		_, err = f.WriteString("no picture")
	}
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// folder makes files from a list such as "cat/%d.png:10", ten of that name.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name, n := f, 1
		if before, count, found := strings.Cut(f, ":"); found {
			_, err := fmt.Sscan(count, &n)
			require.NoError(t, err)
			name = before
		}
		for i := range n {
			path := filepath.Join(dir, name)
			if strings.Contains(name, "%d") {
				path = filepath.Join(dir, fmt.Sprintf(name, i))
			}
			write(t, path, uint8(10*i))
		}
	}
	return dir
}

func sizes(s *Sets) [3]int { return [3]int{s.Train.Len(), s.Dev.Len(), s.Test.Len()} }

func TestLoad(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files   []string
		classes []string
		sizes   [3]int
		layout  string
		others  []string
	}{
		"classes": {[]string{"dog/%d.png:10", "cat/%d.jpg:20"}, []string{"cat", "dog"}, [3]int{20, 5, 5}, "divided by class", nil},
		"formats and depth": {[]string{"b/%d.gif:3", "a/1.PNG", "a/x/y/no-ending", "a/x/%d.jpg:1"}, []string{"a", "b"},
			[3]int{2, 2, 2}, "divided by class", nil},
		"other files": {[]string{"a/%d.png:3", "b/%d.png:3", "b/notes.txt", "list.csv", "b/.DS_Store", "a/Thumbs.db", "__MACOSX/a/1.txt", ".git/x.txt"},
			[]string{"a", "b"}, [3]int{2, 2, 2}, "divided by class", []string{"list.csv", "b/notes.txt"}},
		"train and test": {[]string{"train/a/%d.png:5", "train/b/%d.png:5", "test/b/%d.png:4"}, []string{"a", "b"},
			[3]int{8, 2, 4}, "test set: test, dev: a part of train", nil},
		"train and val": {[]string{"Train/a/%d.png:2", "Train/b/%d.png:2", "val/a/%d.png:1"}, []string{"a", "b"},
			[3]int{2, 2, 1}, "test set: val, dev: a part of train", nil},
		"all three": {[]string{"train/a/%d.png:5", "train/b/%d.png:5", "valid/a/1.png", "test/b/%d.png:4", "readme.txt", "test/b/x.txt"}, []string{"a", "b"},
			[3]int{10, 1, 4}, "test set: test, dev: valid", []string{"readme.txt", "b/x.txt"}},
		"a class called train": {[]string{"train/%d.png:3", "test/%d.png:3", "bus/%d.png:3"}, []string{"bus", "test", "train"},
			[3]int{3, 3, 3}, "divided by class", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, test.files...)
			s, err := Load(dir)
			require.NoError(t, err)
			require.Equal(t, test.classes, s.Classes)
			require.Equal(t, test.sizes, sizes(s))
			require.Equal(t, test.layout, s.Layout)
			require.Equal(t, test.others, s.Others)
			require.Equal(t, test.classes, s.Test.ClassNames())
			require.Contains(t, s.String(), dir+": ")
			dev, err := s.Split(cifar.Dev)
			require.NoError(t, err)
			require.Same(t, s.Dev, dev)
		})
	}
}

// TestDivision: every picture is in one set, with its own pixels and its class; sets are mixed, and a new picture moves few.
func TestDivision(t *testing.T) {
	t.Parallel()
	dir := folder(t, "a/%d.png:20", "b/%d.png:20")
	seen := func() map[string]cifar10.Split { // by class and colour
		s, err := Load(dir)
		require.NoError(t, err)
		where := map[string]cifar10.Split{}
		for _, d := range []*cifar10.Dataset{s.Train, s.Dev, s.Test} {
			for i, label := range d.Labels {
				pixels := d.Pixels[i*cifar10.ImageSize:][:cifar10.ImageSize]
				require.Equal(t, []uint8{0, 200}, pixels[1:3])
				where[fmt.Sprint(label, pixels[0])] = d.Split
			}
		}
		require.Greater(t, slices.Index(s.Train.Labels, 1), -1)
		require.Less(t, slices.Index(s.Train.Labels, 1), 8, "the first pictures are of both classes")
		return where
	}
	before := seen()
	require.Len(t, before, 40)
	require.Equal(t, before, seen())
	write(t, filepath.Join(dir, "a", "new.png"), 250)
	after, moved := seen(), 0
	for key, split := range before {
		if after[key] != split {
			moved++
		}
	}
	require.Len(t, after, 41)
	require.LessOrEqual(t, moved, 2)
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := folder(t, "a/%d.png:3", "b/%d.png:3")
	list := func() (names []string) {
		require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			info, err1 := os.Stat(path)
			names = append(names, fmt.Sprint(path, info.Size(), info.ModTime()))
			require.NoError(t, err1)
			return err
		}))
		return names
	}
	before := list()
	_, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, before, list())
}

func TestBadFolders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files []string
		is    error
		want  string
	}{
		"no folder":         {nil, ErrLayout, "has 0 subfolders, want at least 2"},
		"pictures only":     {[]string{"%d.png:5"}, ErrLayout, "has 0 subfolders"},
		"one class":         {[]string{"a/%d.png:5"}, ErrLayout, "has 1 subfolders, want at least 2, one for each class"},
		"empty class":       {[]string{"a/%d.png:5", "b/.hidden.txt"}, ErrLayout, "b: it is empty: add PNG, JPEG, GIF or WebP files, or remove the folder"},
		"no pictures":       {[]string{"a/%d.png:5", "b/notes.txt"}, ErrLayout, "b: it has only other files, such as notes.txt"},
		"few pictures":      {[]string{"a/%d.png:5", "b/%d.png:2"}, ErrLayout, "b has 2 pictures, want at least 3, one each for training, dev and test"},
		"few with a test":   {[]string{"train/a/1.png", "train/b/1.png", "test/a/1.png"}, ErrLayout, "a has 1 pictures, want at least 2, one each for training and dev"},
		"sets and others":   {[]string{"train/a/%d.png:5", "train/b/%d.png:5", "test/a/1.png", "unlabeled/%d.png:2"}, ErrLayout, "has sets (train) and other folders: unlabeled; move those away"},
		"unknown class":     {[]string{"train/a/%d.png:2", "train/b/%d.png:2", "test/c/1.png"}, ErrLayout, `has the class "c", which the training pictures do not have: theirs are a, b`},
		"damaged picture":   {[]string{"a/%d.png:5", "b/%d.png:5", "b/damaged.webp"}, ErrPicture, "damaged.webp"},
		"many are damaged":  {[]string{"a/%d.webp:9", "b/%d.png:5"}, ErrPicture, "and 6 more: replace or remove them"},
		"other format":      {[]string{"a/%d.png:5", "b/%d.png:5", "b/1.heic"}, ErrPicture, "1.heic"},
		"control character": {[]string{"a/%d.png:5", "b\n/%d.png:5"}, ErrLayout, `the class "b\n"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(folder(t, test.files...))
			require.ErrorIs(t, err, test.is)
			require.ErrorContains(t, err, test.want)
			t.Logf("bad %s: %v", name, err)
		})
	}
	dir := folder(t, "a/1.png")
	_, err := Load(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Load(filepath.Join(dir, "a", "1.png"))
	require.ErrorContains(t, err, "is a file, want a folder")
	_, err = (&Sets{Train: cifar10.New("train", 0), Dev: cifar10.New("dev", 0), Test: cifar10.New("test", 0)}).Split("all")
	require.ErrorContains(t, err, `split is "all"`)
}

// TestManyClasses: 300 do not fit into a byte, 1,001 are refused.
func TestManyClasses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for class := range 300 {
		for i := range 3 {
			write(t, filepath.Join(dir, fmt.Sprintf("%04d", class), fmt.Sprintf("%d.png", i)), uint8(class))
		}
	}
	s, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, [3]int{300, 300, 300}, sizes(s))
	for i, label := range s.Test.Labels {
		require.Equal(t, uint8(label), s.Test.Pixels[i*cifar10.ImageSize])
	}
	require.Contains(t, s.String(), "0009, …)")
	for class := range MaxClasses + 1 {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, fmt.Sprintf("%04d", class)), 0o755))
	}
	_, err = Load(dir)
	require.ErrorContains(t, err, "has 1001 subfolders, want at most 1000")
}
