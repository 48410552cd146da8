// Package imagefolder reads pictures that are sorted into folders, one for each class, the layout of torchvision's ImageFolder:
//
//	FOLDER/cat/1.jpg           FOLDER/train/cat/1.jpg
//	FOLDER/cat/2.png    or     FOLDER/train/dog/2.jpg
//	FOLDER/dog/1.jpg           FOLDER/test/cat/3.jpg
//
// The classes are the folders' names, sorted by code point, as torchvision sorts them. Pictures have any size and a format that
// package picture reads; they are scaled to CIFAR-10's 32×32 pixels and become a cifar.Dataset. The folder is only read.
package imagefolder

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/cifar/cifar10"
)

// Errors that callers can test for with errors.Is.
var (
	// ErrLayout reports a folder that does not have one subfolder for each class, or classes with too few pictures.
	ErrLayout = errors.New("not a folder of pictures sorted into classes")
	// ErrPicture reports pictures that cannot be read.
	ErrPicture = errors.New("unreadable pictures")
)

// MaxClasses is the largest number of classes.
const MaxClasses = 1000

// minPictures is the smallest number of pictures of a class that are divided into three sets.
const minPictures = 3

// share is the part of each class's pictures that goes into dev, and the part that goes into the test set.
const share = 0.15

// Sets are the pictures of a folder.
type Sets struct {
	Folder           string
	Classes          []string
	Train, Dev, Test *cifar10.Dataset
	Layout           string   // how the pictures were divided, for messages
	Others           []string // files that are no pictures or not in the folder of a class
}

// Load reads the pictures of a folder. If it has subfolders train and test (or val), these are the training and the test set, and
// dev is their val or, without one, a part of train. Otherwise every class is divided: 70% training, 15% dev, 15% test, at
// least one picture each.
//
// Which pictures go together follows from their names alone, so every run has the same test set, whatever its seed, and a new
// picture leaves nearly all others where they are. Pictures are in random order, so that the first of them are of all classes.
//
// The error is ErrLayout or, for pictures that cannot be read, ErrPicture; it names them. Other files are listed in Others, apart
// from hidden ones and those that file managers leave behind.
func Load(folder string) (*Sets, error) {
	s, err := load(folder)
	if err != nil {
		return nil, fmt.Errorf("imagefolder: %w", err)
	}
	return s, nil
}

func load(folder string) (*Sets, error) {
	parts, err := findParts(folder)
	if err != nil {
		return nil, err
	}
	s := &Sets{Folder: folder}
	train, err := scan(parts.train, nil)
	if err != nil {
		return nil, err
	}
	s.Classes = train.classes
	train, dev, test, err := s.divide(train, parts)
	if err != nil {
		return nil, err
	}
	var errs [3][]error
	s.Train, errs[0] = s.read(cifar10.Train, train.files)
	s.Dev, errs[1] = s.read(cifar10.Dev, dev)
	s.Test, errs[2] = s.read(cifar10.Test, test)
	return s, unreadable(slices.Concat(errs[:]...))
}

// divide divides the training pictures as far as the folder does not.
func (s *Sets) divide(all *listing, parts parts) (train *listing, dev, test []file, err error) {
	s.Others = append(parts.loose, all.others...)
	given := func(folder string) (files []file, err error) {
		l, err := scan(folder, s.Classes)
		if err == nil {
			s.Others = append(s.Others, l.others...)
			files = l.files
		}
		return files, err
	}
	if parts.test == "" {
		s.Layout = "divided by class"
		if err := all.atLeast(minPictures, "one each for training, dev and test"); err != nil {
			return nil, nil, nil, err
		}
		test = all.take()
		return all, all.take(), test, nil
	}
	if test, err = given(parts.test); err != nil {
		return nil, nil, nil, err
	}
	s.Layout = fmt.Sprintf("test set: %s", filepath.Base(parts.test))
	if parts.dev == "" {
		s.Layout += ", dev: a part of train"
		if err := all.atLeast(2, "one each for training and dev"); err != nil {
			return nil, nil, nil, err
		}
		return all, all.take(), test, nil
	}
	s.Layout += ", dev: " + filepath.Base(parts.dev)
	dev, err = given(parts.dev)
	return all, dev, test, err
}

// String describes the pictures in a line.
func (s *Sets) String() string {
	total := float64(s.Train.Len() + s.Dev.Len() + s.Test.Len())
	text := fmt.Sprintf("%s: %d classes (%s), %.0f pictures", s.Folder, len(s.Classes), Names(s.Classes), total)
	for _, d := range []*cifar10.Dataset{s.Train, s.Dev, s.Test} {
		text += fmt.Sprintf(", %s %d (%.0f%%)", d.Split, d.Len(), 100*float64(d.Len())/total)
	}
	text += "; " + s.Layout
	if len(s.Others) > 0 {
		text += fmt.Sprintf("; ignored: %d other files, such as %s", len(s.Others), s.Others[0])
	}
	return text
}

// Names returns the names of the classes, or the first of them.
func Names(classes []string) string {
	const most = 10
	if len(classes) <= most {
		return strings.Join(classes, ", ")
	}
	return strings.Join(classes[:most], ", ") + ", …"
}

// Split returns the set of a split.
func (s *Sets) Split(split cifar10.Split) (*cifar10.Dataset, error) {
	sets := []*cifar10.Dataset{s.Train, s.Dev, s.Test}
	i := slices.IndexFunc(sets, func(d *cifar10.Dataset) bool { return d.Split == split })
	if i < 0 {
		return nil, fmt.Errorf("imagefolder: split is %q, want train, dev or test", split)
	}
	return sets[i], nil
}
