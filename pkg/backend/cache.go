//go:build linux && cgo && !noxla && (amd64 || arm64)

package backend

// #include <stdlib.h>
// #include "pjrt.h"
import "C"

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/pjrt"

	"nndl.example/resnet18/pkg/backend/internal/xlamem"
	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// minCompileTime is the shortest compile time for which a program is cached. Those of ResNet-18 take seconds.
var minCompileTime = 300 * time.Millisecond

// maxCached is the maximum number of cached programs, mostly 1 to 3 MB each. The least recently used are removed first. The
// notebooks compile dozens, and a short run, with its own flags, as many again.
const maxCached = 256

// pluginName is the name under which go-xla knows the CPU plugin that registerPlugin has loaded. go-xla recognises a plugin for the CPU
// by "cpu" in its name, and takes any absolute path as a name.
const pluginName = "/pjrt/cpu"

var cache struct {
	once     sync.Once
	plugin   string // its path if it was registered as pluginName
	dir      string // "" if programs are not cached
	identity []byte // of the plugin, its flags and the processor
}

// registerPlugin loads the CPU plugin at path, for the cache of compiled programs, and returns the name under which go-xla finds
// it. A plugin that cannot be loaded this way, or a second one in this process, keeps its path as its name and has no cache.
//
// Each cell of a notebook is a separate process, and so is each command: without the cache, each would spend seconds compiling the same
// training step. go-xla v0.4.5 does not offer PJRT's serialization, but it accepts a plugin's function table
// (pjrt.RegisterPreloadedPlugin), in which the function that compiles is replaced.
func registerPlugin(path string) (name string) {
	cache.once.Do(func() { openCache(path) })
	if cache.plugin == path {
		return pluginName
	}
	return path
}

func openCache(path string) {
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	table := loadTable(path)
	if table == nil || pjrt.RegisterPreloadedPlugin(pluginName, uintptr(table)) != nil {
		return
	}
	cache.plugin = path
	cache.identity = fmt.Appendf(nil, "%s, %d bytes of %v, flags %q, %s",
		path, info.Size(), info.ModTime(), os.Getenv("XLA_FLAGS"), processor())
	if dir, err := os.UserCacheDir(); err == nil && makePrivate(filepath.Join(dir, "nndl-resnet18")) == nil {
		cache.dir = filepath.Join(dir, "nndl-resnet18", "xla")
	}
}

// loadTable returns a copy of the plugin's function table that compiles through the cache. It returns nil if the plugin cannot be
// loaded or has a different version of PJRT's interface.
func loadTable(path string) unsafe.Pointer {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if C.pjrt_open(name) == 0 {
		return nil
	}
	xlamem.Attach(path)
	return unsafe.Pointer(C.pjrt_table(name))
}

// makePrivate creates a folder that only this user can access. It returns an error if the path is a link or the folder belongs to
// another user: compiled programs are executed, so nobody else may write them. It removes those from a folder that others could
// write to until now.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; !info.IsDir() || int(owner) != os.Geteuid() {
		return fmt.Errorf("%s: got %v owned by user %d, want a folder owned by user %d", dir, info.Mode(), owner, os.Geteuid())
	}
	perm := info.Mode().Perm()
	if perm&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil || perm&0o022 == 0 {
		return err
	}
	return removeAllCached(dir) // others may have written them
}

// removeAllCached removes a folder's compiled programs.
func removeAllCached(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if cachedName.MatchString(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// CachesPrograms reports whether the programs that the backend compiles are kept on disk for later processes.
func CachesPrograms(b compute.Backend) bool {
	return !IsPureGo(b) && !IsGPU(b) && cache.dir != ""
}

// processor returns the lines of /proc/cpuinfo on the first processor's model and features: XLA compiles for these.
var processor = sync.OnceValue(func() (lines []string) {
	info, _ := regularfile.Read("/proc/cpuinfo")
	first, _, _ := strings.Cut(string(info), "\n\n")
	for line := range strings.Lines(first) {
		switch key, _, _ := strings.Cut(line, ":"); strings.TrimSpace(key) {
		case "vendor_id", "cpu family", "model", "model name", "flags", "Features", "CPU implementer", "CPU part":
			lines = append(lines, line)
		}
	}
	return lines
})

//export compileCached
func compileCached(args *C.compile_args) unsafe.Pointer {
	if cache.dir == "" || args.struct_size < C.sizeof_compile_args || args.program.struct_size < C.sizeof_pjrt_program {
		return C.pjrt_compile(args)
	}
	file := cacheFile(bytesOf(args.program.code, args.program.code_size), bytesOf(args.compile_options, args.compile_options_size))
	if args.executable = readCached(args.client, file); args.executable != nil {
		return nil
	}
	start := time.Now()
	if err := C.pjrt_compile(args); err != nil {
		return err
	}
	if time.Since(start) >= minCompileTime {
		writeCached(args.executable, file)
	}
	return nil
}

func bytesOf(p *C.char, size C.size_t) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), size) }

// cacheFile returns the path of a program's file, named by a digest of everything that the compiler's output depends on.
func cacheFile(program, options []byte) string {
	h := sha256.New()
	threads := fmt.Appendf(nil, "%q threads, %d cores, %d devices", os.Getenv(EnvThreads), runtime.NumCPU(), virtualDevices())
	for _, part := range [][]byte{cache.identity, threads, options, withoutUUIDs(program)} {
		fmt.Fprintf(h, "%d ", len(part))
		h.Write(part)
	}
	return filepath.Join(cache.dir, hex.EncodeToString(h.Sum(nil)))
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12}`)

// withoutUUIDs replaces the UUIDs in a program by numbers in the order of their first use. GoMLX names metrics by a UUID that is new in
// each process, and parameters after the metrics; names have no effect on the result.
func withoutUUIDs(program []byte) []byte {
	numbers := map[string]int{}
	return uuid.ReplaceAllFunc(program, func(id []byte) []byte {
		if _, ok := numbers[string(id)]; !ok {
			numbers[string(id)] = len(numbers)
		}
		return strconv.AppendInt([]byte("uuid"), int64(numbers[string(id)]), 10)
	})
}

// readCached loads a compiled program; nil if there is none, or if its file is corrupt. A file begins with the digest of the rest.
func readCached(client unsafe.Pointer, file string) unsafe.Pointer {
	if makePrivate(cache.dir) != nil {
		return nil
	}
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return nil
	}
	b, err := regularfile.Read(file)
	if err != nil {
		return nil
	}
	if len(b) > sha256.Size && sha256.Sum256(b[sha256.Size:]) == [sha256.Size]byte(b) {
		body := b[sha256.Size:]
		if loaded := C.pjrt_deserialize(client, (*C.char)(unsafe.Pointer(&body[0])), C.size_t(len(body))); loaded != nil {
			os.Chtimes(file, time.Now(), time.Now())
			return loaded
		}
	}
	os.Remove(file)
	return nil
}

// writeCached saves a compiled program. A failure is not an error: the next process compiles the program again.
func writeCached(executable unsafe.Pointer, file string) {
	var s C.serialize_args
	if C.pjrt_serialize(executable, &s) == 0 {
		return
	}
	defer C.pjrt_release(&s)
	body := bytesOf(s.bytes, s.size)
	digest := sha256.Sum256(body)
	if makePrivate(cache.dir) != nil {
		return
	}
	atomicfile.Write(file, func(w io.Writer) error {
		_, err1 := w.Write(digest[:])
		_, err2 := w.Write(body)
		return errors.Join(err1, err2)
	})
	removeOldest()
}

// cachedName matches the cache's files and the temporary ones that a killed process leaves.
var cachedName = regexp.MustCompile(`^([0-9a-f]{64}|\.[0-9a-f]{64}-[0-9]+|new-[0-9]+)$`)

// removeOldest removes the least recently used of the cache's files.
func removeOldest() {
	entries, _ := os.ReadDir(cache.dir)
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !cachedName.MatchString(e.Name()) })
	age := func(e os.DirEntry) time.Time {
		if info, err := e.Info(); err == nil {
			return info.ModTime()
		}
		return time.Time{}
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return age(a).Compare(age(b)) })
	for i := range max(0, len(entries)-maxCached) {
		os.Remove(filepath.Join(cache.dir, entries[i].Name()))
	}
}
