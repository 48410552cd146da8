//go:build linux && cgo && !noxla && (amd64 || arm64)

package backend

// #include <stdlib.h>
// #include "pjrt.h"
import "C"

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/pjrt"
)

// worthCaching is how long a program takes to compile that is worth a file: those of ResNet-18 take seconds.
var worthCaching = 300 * time.Millisecond

// maxCached is how many programs the cache holds, 1 to 3 MB each; the one not used for the longest time goes first.
const maxCached = 64

var cache struct {
	once     sync.Once
	dir      string
	identity []byte // of the plugin, its flags and the processor
}

// cachePrograms lets XLA take programs that it has compiled before from files in the user's cache folder. Each cell of a notebook
// is a process of its own, and each command too: without the files all would compile the same training step for seconds.
// go-xla v0.4.4 has no function for it, but takes the table of a plugin's functions, in which one can be exchanged.
func cachePrograms(path string) { cache.once.Do(func() { openCache(path) }) }

func openCache(path string) {
	dir, err1 := os.UserCacheDir()
	info, err2 := os.Stat(path)
	if err1 != nil || err2 != nil {
		return
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	table := C.pjrt_load(name)
	if table == nil {
		return
	}
	cache.identity = fmt.Appendf(nil, "%s, %d bytes of %v, flags %q, %s",
		path, info.Size(), info.ModTime(), os.Getenv("XLA_FLAGS"), processor())
	if pjrt.RegisterPreloadedPlugin(path, uintptr(unsafe.Pointer(table))) == nil {
		cache.dir = filepath.Join(dir, "nndl-resnet18", "xla")
	}
}

// KeepsPrograms says whether a program that the backend has compiled is there, compiled, when the next process asks for it.
func KeepsPrograms(b compute.Backend) bool {
	return !IsPureGo(b) && !IsGPU(b) && cache.dir != ""
}

// processor is what Linux says of the first processor's kind and abilities: XLA compiles for these.
var processor = sync.OnceValue(func() (lines []string) {
	info, _ := os.ReadFile("/proc/cpuinfo")
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
	file := cacheFile(bytesOf(args.program.code, args.program.code_size), bytesOf(args.compile_options, args.compile_options_size))
	if args.executable = readCached(args.client, file); args.executable != nil {
		return nil
	}
	start := time.Now()
	if err := C.pjrt_compile(args); err != nil {
		return err
	}
	if time.Since(start) >= worthCaching {
		writeCached(args.executable, file)
	}
	return nil
}

func bytesOf(p *C.char, size C.size_t) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), size) }

// cacheFile is named by a digest of all that decides what a program is compiled to.
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

// withoutUUIDs numbers the UUIDs in a program in the order of their first use. GoMLX gives its metrics a new one in each process,
// and calls parameters by them; names have no effect on what is computed.
func withoutUUIDs(program []byte) []byte {
	numbers := map[string]int{}
	return uuid.ReplaceAllFunc(program, func(id []byte) []byte {
		if _, ok := numbers[string(id)]; !ok {
			numbers[string(id)] = len(numbers)
		}
		return strconv.AppendInt([]byte("uuid"), int64(numbers[string(id)]), 10)
	})
}

// readCached loads a compiled program; nil if there is none, or a damaged one. A file begins with the digest of what follows.
func readCached(client unsafe.Pointer, file string) unsafe.Pointer {
	b, err := os.ReadFile(file)
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

// writeCached saves a compiled program. What prevents it is no error: the next process compiles, as this one did.
func writeCached(executable unsafe.Pointer, file string) {
	var s C.serialize_args
	if C.pjrt_serialize(executable, &s) == 0 {
		return
	}
	defer C.pjrt_release(&s)
	body := bytesOf(s.bytes, s.size)
	digest := sha256.Sum256(body)
	if os.MkdirAll(cache.dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(cache.dir, "new-*")
	if err != nil {
		return
	}
	_, err1 := f.Write(digest[:])
	_, err2 := f.Write(body)
	if err3 := f.Close(); err1 != nil || err2 != nil || err3 != nil || os.Rename(f.Name(), file) != nil {
		os.Remove(f.Name())
	}
	removeOldest()
}

func removeOldest() {
	entries, _ := os.ReadDir(cache.dir)
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
