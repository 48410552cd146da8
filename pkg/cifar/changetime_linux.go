package cifar

import (
	"io/fs"
	"syscall"
)

// changeTime returns the ctime of a file in nanoseconds.
func changeTime(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}
