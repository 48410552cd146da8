//go:build cells

package data

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

var archive = sync.OnceValues(func() ([]byte, error) {
	_, source, _, _ := runtime.Caller(0)
	jpegs, err := os.ReadFile(filepath.Join(filepath.Dir(source), "cifar10-jpeg.tar.gz"))
	if err != nil {
		return nil, fmt.Errorf("data: the JPEG copy of CIFAR-10: %w", err)
	}
	return jpegs, nil
})
