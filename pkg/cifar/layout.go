package cifar

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/cifar/cifar10"
)

// BatchLen is the number of images in a batch file.
const BatchLen = 10000

// Names of package cifar10, which describes the images.
const (
	Height     = cifar10.Height
	Width      = cifar10.Width
	Channels   = cifar10.Channels
	NumClasses = cifar10.NumClasses
	ImageSize  = cifar10.ImageSize

	Train = cifar10.Train
	Dev   = cifar10.Dev
	Test  = cifar10.Test
)

// Names of package cifar10, which describes the images.
type (
	Dataset = cifar10.Dataset
	Split   = cifar10.Split
)

// Values of package cifar10, which describes the images.
var (
	Classes = cifar10.Classes
	Mean    = cifar10.Mean
	Std     = cifar10.Std
)

// Normalize is cifar10.Normalize.
func Normalize(images *graph.Node) *graph.Node { return cifar10.Normalize(images) }

// splitBatches returns the numbers of the batch files of a split; see batchFile.
func splitBatches(s Split) ([]int, error) {
	switch s {
	case Train:
		return []int{1, 2, 3, 4}, nil
	case Dev:
		return []int{5}, nil
	case Test:
		return []int{testBatch}, nil
	}
	return nil, fmt.Errorf("cifar: unknown split %q, want %q, %q or %q", string(s), Train, Dev, Test)
}

// A Layout is one of the two published forms of the data.
type Layout string

// The published layouts; the package comment describes them.
const (
	Python Layout = "python"
	Binary Layout = "binary"
)

var layouts = []Layout{Python, Binary}

// Archive returns the published name of the layout's archive, such as "cifar-10-python.tar.gz".
func (l Layout) Archive() string { return "cifar-10-" + string(l) + ".tar.gz" }

// Folder returns the name of the folder that the archive unpacks to, such as "cifar-10-batches-py".
func (l Layout) Folder() string {
	if l == Binary {
		return "cifar-10-batches-bin"
	}
	return "cifar-10-batches-py"
}

// testBatch is the number of the test batch; the training batches are 1 to 5.
const testBatch = 6

var allBatches = []int{1, 2, 3, 4, 5, testBatch}

func (l Layout) batchFile(id int) string {
	name := fmt.Sprintf("data_batch_%d", id)
	if id == testBatch {
		name = "test_batch"
	}
	if l == Binary {
		name += ".bin"
	}
	return name
}

func (l Layout) metaFile() string {
	if l == Binary {
		return "batches.meta.txt"
	}
	return "batches.meta"
}

const readmeFile = "readme.html"

// batchID is the inverse of batchFile. It returns 0 if the name is not that of a batch.
func (l Layout) batchID(name string) int {
	for _, id := range allBatches {
		if l.batchFile(id) == name {
			return id
		}
	}
	return 0
}

// required returns the names of the files that a complete folder or archive has.
func (l Layout) required() []string {
	names := []string{l.metaFile()}
	for _, id := range allBatches {
		names = append(names, l.batchFile(id))
	}
	return names
}

// Limits in bytes. A published batch has at most 31 MB, the other files less than 1 kB.
const (
	maxBatchFile = 64 << 20
	maxSmallFile = 1 << 20
)

// maxSize returns the largest size of a file with this name, 0 if the name is not part of the layout.
func (l Layout) maxSize(name string) int64 {
	switch {
	case l.batchID(name) != 0:
		return maxBatchFile
	case name == l.metaFile(), name == readmeFile:
		return maxSmallFile
	}
	return 0
}

// A reader reads batch files of batchLen images: 10,000 in published, fewer in tests.
type reader struct{ batchLen int }

var published = reader{BatchLen}

// images are the images and labels of one batch file, as they are stored.
type images struct {
	labels []uint8 // [N]
	planes []uint8 // [N, 3, 32, 32]
}

// check decodes one file of the layout and reports errors.
func (r reader) check(l Layout, name string, data []byte) error {
	switch {
	case l.batchID(name) != 0:
		_, err := r.batch(l, l.batchID(name), data)
		return err
	case name == l.metaFile():
		return r.meta(l, data)
	}
	return nil
}

// batch decodes the file of batch id; the result may share memory with data.
func (r reader) batch(l Layout, id int, data []byte) (images, error) {
	if l == Binary {
		return r.binaryBatch(data)
	}
	return r.pickleBatch(id, data)
}

// starts finds batch files that are copies of others: it holds digests of their first bytes.
type starts map[[sha256.Size]byte]string

// add returns an error if a batch file begins as an earlier one.
func (s starts) add(name string, data []byte) error {
	sum := sha256.Sum256(data[:min(len(data), startOfBatch)])
	if other, found := s[sum]; found {
		return fmt.Errorf("it is a copy of %s", other)
	}
	s[sum] = name
	return nil
}

// startOfBatch is the number of bytes by which batch files are told apart: the labels and some images.
const startOfBatch = 1 << 16

// meta checks the class names.
func (r reader) meta(l Layout, data []byte) error {
	var names []string
	if l == Binary {
		names = strings.Fields(string(data))
	} else {
		var err error
		if names, err = pickleLabelNames(data); err != nil {
			return err
		}
	}
	if len(names) != NumClasses {
		return fmt.Errorf("%d class names, want %d: %s (perhaps CIFAR-100 or other data)",
			len(names), NumClasses, strings.Join(Classes[:], ", "))
	}
	for i, name := range names {
		if name != Classes[i] {
			return fmt.Errorf("name of class %d is %q, want %q", i, name, Classes[i])
		}
	}
	return nil
}

func checkLabel(i int, label int64, classes int) error {
	if label < 0 || label >= int64(classes) {
		return fmt.Errorf("image %d has label %d, want 0 to %d", i, label, classes-1)
	}
	return nil
}
