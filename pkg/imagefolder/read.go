package imagefolder

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/picture"
)

// read reads pictures, several at a time, and returns an error or nil for each.
func (s *Sets) read(split cifar10.Split, files []file) (*cifar10.Dataset, []error) {
	d := cifar10.New(split, len(files))
	d.Classes, d.Origin = s.Classes, "pictures in "+s.Folder
	errs := make([]error, len(files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 8) { // each may take hundreds of megabytes for a large picture
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				var pixels []uint8
				pixels, _, errs[i] = picture.Load(files[i].path)
				copy(d.Pixels[i*cifar10.ImageSize:], pixels)
				d.Labels[i] = uint16(files[i].class)
			}
		})
	}
	workers.Wait()
	return d, errs
}

// unreadable returns an error that names the first pictures which cannot be read.
func unreadable(errs []error) error {
	const most = 3
	var texts []string
	n := 0
	for _, err := range errs {
		if err == nil {
			continue
		}
		if n++; n <= most {
			texts = append(texts, err.Error())
		}
	}
	if n == 0 {
		return nil
	}
	if n > most {
		texts = append(texts, fmt.Sprintf("and %d more", n-most))
	}
	return fmt.Errorf("%w: %s: replace or remove them", ErrPicture, strings.Join(texts, "; "))
}
