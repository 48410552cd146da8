package playground

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/picture"
)

// Images are some images of CIFAR-10.
type Images struct {
	Train, Test *cifar10.Dataset
	TestIndices []int // of the test images in the whole test set
}

// ReadImages reads images in the form that data/ keeps them in, but unpacked: a tar archive of JPEG files whose names are
// split/index_class.jpg.
func ReadImages(archive []byte) (Images, error) {
	im := Images{Train: cifar10.New(cifar10.Train, 0), Test: cifar10.New(cifar10.Test, 0)}
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return im, nil
		}
		if err == nil {
			err = im.add(h.Name, files)
		}
		if err != nil {
			return Images{}, fmt.Errorf("playground: images: %w", err)
		}
	}
}

func (im *Images) add(name string, file io.Reader) error {
	index, class, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".jpg"), "_")
	n, err := strconv.Atoi(index)
	label := slices.Index(cifar10.Classes[:], class)
	d := map[string]*cifar10.Dataset{string(cifar10.Train): im.Train, string(cifar10.Test): im.Test}[path.Dir(name)]
	if err != nil || label < 0 || d == nil {
		return fmt.Errorf("name %q: want split/index_class.jpg", name)
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	pixels, _, err := picture.Decode(content)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if d == im.Test {
		im.TestIndices = append(im.TestIndices, n)
	}
	d.Labels, d.Pixels = append(d.Labels, uint16(label)), append(d.Pixels, pixels...)
	return nil
}
