//go:build unix

package regularfile

import "syscall"

// nonBlocking makes opening a FIFO return at once.
const nonBlocking = syscall.O_NONBLOCK
