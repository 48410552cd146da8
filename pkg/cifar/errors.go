package cifar

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Errors that callers can test for with errors.Is. A path that does not exist gives fs.ErrNotExist.
var (
	// ErrCorrupt marks an archive, folder or file that is damaged or not in the format of CIFAR-10.
	ErrCorrupt = errors.New("corrupt data")
	// ErrNotFound marks a folder without the data set, or with a part of it missing.
	ErrNotFound = errors.New("data missing or incomplete")
	// ErrOtherData marks other data, such as CIFAR-100.
	ErrOtherData = errors.New("not CIFAR-10")
	// ErrNotOurs marks a folder that Extract would have to replace although it contains files that Extract did not write or
	// that have changed since.
	ErrNotOurs = errors.New("not extracted by this program")
)

var errCIFAR100 = fmt.Errorf("%w but CIFAR-100 (100 classes)", ErrOtherData)

// corrupt marks an error in the content of a file.
func corrupt(err error) error {
	if errors.Is(err, ErrOtherData) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// withSpaceHint adds what to do if the system refused to write.
func withSpaceHint(err error) error {
	if _, ok := errors.AsType[syscall.Errno](err); ok && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; choose a writable folder with 200 MB free", err)
	}
	return err
}
