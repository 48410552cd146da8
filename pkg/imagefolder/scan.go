package imagefolder

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"nndl.example/resnet18/pkg/internal/filetype"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// maxDepth is how deep folders may be nested in that of a class. More are a loop of links.
const maxDepth = 8

// parts are the folders of the sets; test and dev are "" if there are none.
type parts struct {
	train, dev, test string
	loose            []string // files beside these folders
}

// Names of the folders of sets, in lower case.
var (
	trainNames = []string{"train", "training"}
	testNames  = []string{"test", "testing"}
	devNames   = []string{"val", "valid", "validation", "dev"}
)

// findParts looks for folders of sets. A folder that also has others, say of the classes bus, car and train, is not divided; but if
// its train has folders and no pictures, it is a set, and the others are an error.
func findParts(folder string) (p parts, err error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return p, fmt.Errorf("%w: %s is a file, want a folder with one subfolder for each class", ErrLayout, folder)
	}
	names, loose, err := subfolders(folder)
	if err != nil {
		return p, err
	}
	type set struct {
		names []string
		to    *string
	}
	sets := []set{{trainNames, &p.train}, {testNames, &p.test}, {devNames, &p.dev}}
	var others []string
	for _, name := range names {
		i := slices.IndexFunc(sets, func(s set) bool { return *s.to == "" && slices.Contains(s.names, strings.ToLower(name)) })
		if i < 0 {
			others = append(others, name)
			continue
		}
		*sets[i].to = filepath.Join(folder, name)
	}
	divided := p.train != "" && (p.test != "" || p.dev != "")
	switch {
	case len(others) > 0 && divided && holdsFolders(p.train):
		return p, fmt.Errorf("%w: %s has sets (%s) and other folders: %s; move those away", ErrLayout, folder, filepath.Base(p.train), strings.Join(others, ", "))
	case len(others) > 0 || p.train == "" || p.test == "" && p.dev == "":
		return parts{train: folder}, nil
	case p.test == "":
		p.test, p.dev = p.dev, ""
	}
	p.loose = loose
	return p, nil
}

// holdsFolders reports whether a folder has subfolders and no pictures of its own.
func holdsFolders(folder string) bool {
	names, files, err := subfolders(folder)
	return err == nil && len(names) > 0 && len(files) == 0
}

// subfolders lists the folders in a folder, and links to folders, without hidden ones, and its other files.
func subfolders(folder string) (names, files []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if ignored(e.Name()) {
			continue
		}
		if info, err := os.Stat(filepath.Join(folder, e.Name())); err == nil && info.IsDir() {
			names = append(names, e.Name())
		} else {
			files = append(files, e.Name())
		}
	}
	return names, files, nil
}

// ignored reports whether a file is hidden, or left behind by a file manager or an archive.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{"thumbs.db", "desktop.ini", "__macosx"}, strings.ToLower(name))
}

// file is a picture.
type file struct {
	path  string
	class int
	order [sha256.Size]byte // pictures are divided, and sorted, by it
}

// listing is what is found in a folder of classes.
type listing struct {
	folder  string
	classes []string
	files   []file   // sorted by order
	others  []string // paths of other files, relative to the folder
	quota   []int    // the number of pictures of each class that take takes
}

// scan lists the pictures in a folder. The classes are its subfolders or, if they are given, some of those.
func scan(folder string, classes []string) (*listing, error) {
	names, loose, err := subfolders(folder)
	if err != nil {
		return nil, err
	}
	l := &listing{folder: folder, classes: classes, others: loose}
	if classes == nil {
		l.classes = names
	}
	if err := l.checkClasses(names); err != nil {
		return nil, err
	}
	for _, name := range names {
		before, others := len(l.files), len(l.others)
		if err := l.walk(name, slices.Index(l.classes, name), 0); err != nil {
			return nil, err
		}
		if len(l.files) == before {
			return nil, l.empty(name, l.others[others:])
		}
	}
	slices.SortFunc(l.files, func(a, b file) int { return bytes.Compare(a.order[:], b.order[:]) })
	return l, nil
}

func (l *listing) checkClasses(names []string) error {
	if len(names) < 2 && len(l.classes) == len(names) || len(names) == 0 {
		return fmt.Errorf("%w: %s has %d subfolders, want at least 2, one for each class, with its pictures", ErrLayout, l.folder, len(names))
	}
	if len(names) > MaxClasses {
		return fmt.Errorf("%w: %s has %d subfolders, want at most %d, one for each class", ErrLayout, l.folder, len(names), MaxClasses)
	}
	for _, name := range names {
		if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			return fmt.Errorf("%w: the class %q in %s: want a name in UTF-8 without control characters: rename the folder", ErrLayout, name, l.folder)
		}
		if !slices.Contains(l.classes, name) {
			return fmt.Errorf("%w: %s has the class %q, which the training pictures do not have: theirs are %s", ErrLayout, l.folder, name, Names(l.classes))
		}
	}
	return nil
}

func (l *listing) empty(class string, others []string) error {
	found := "it is empty"
	if len(others) > 0 {
		found = fmt.Sprintf("it has only other files, such as %s", path.Base(others[0]))
	}
	return fmt.Errorf("%w: no pictures in %s: %s: add PNG, JPEG, GIF or WebP files, or remove the folder", ErrLayout, filepath.Join(l.folder, class), found)
}

// walk lists the pictures of a class, at any depth. name is relative to the listing's folder, with slashes.
func (l *listing) walk(name string, class, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: %s: folders are nested more than %d deep: is a link to a folder above it among them?", ErrLayout, filepath.Join(l.folder, name), maxDepth)
	}
	folders, files, err := subfolders(filepath.Join(l.folder, name))
	if err != nil {
		return err
	}
	for _, f := range files {
		relative := path.Join(name, f)
		full := filepath.Join(l.folder, filepath.FromSlash(relative))
		if !isPicture(full) {
			l.others = append(l.others, relative)
			continue
		}
		l.files = append(l.files, file{path: full, class: class, order: sha256.Sum256([]byte(relative))})
	}
	for _, f := range folders {
		if err := l.walk(path.Join(name, f), class, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pictureEndings are the endings of pictures' names, also of those that package picture does not read: its error says so.
var pictureEndings = []string{
	".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".ppm", ".pgm",
}

// isPicture reports whether a file is to be read as a picture: by the ending of its name, or by its first bytes.
func isPicture(path string) bool {
	if slices.Contains(pictureEndings, strings.ToLower(filepath.Ext(path))) {
		return true
	}
	start, err := regularfile.Start(path, filetype.Start)
	return err == nil && slices.Contains([]filetype.Format{filetype.PNG, filetype.JPEG, filetype.GIF, filetype.WebP}, filetype.Name(start))
}

// counts returns the number of pictures of each class.
func (l *listing) counts() []int {
	counts := make([]int, len(l.classes))
	for _, f := range l.files {
		counts[f.class]++
	}
	return counts
}

// atLeast returns an error if a class has fewer than n pictures.
func (l *listing) atLeast(n int, why string) error {
	for class, count := range l.counts() {
		if count < n {
			return fmt.Errorf("%w: %s has %d pictures, want at least %d, %s", ErrLayout, filepath.Join(l.folder, l.classes[class]), count, n, why)
		}
	}
	return nil
}

// take removes a share of each class's pictures, at least one, and returns them. The share is of those that the class had at
// first.
func (l *listing) take() (taken []file) {
	if l.quota == nil {
		for _, n := range l.counts() {
			l.quota = append(l.quota, max(1, int(math.Round(share*float64(n)))))
		}
	}
	left := slices.Clone(l.quota)
	l.files = slices.DeleteFunc(l.files, func(f file) bool {
		left[f.class]--
		if left[f.class] >= 0 {
			taken = append(taken, f)
		}
		return left[f.class] >= 0
	})
	return taken
}
