package regularfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// opens matches the calls that open a file whatever its kind. With O_EXCL nothing that exists is opened.
var opens = regexp.MustCompile(`\b(os\.(Open|OpenFile|ReadFile|Create|WriteFile)|flock\.New)\(`)

// exceptions are the files that may make such calls, with the reason.
var exceptions = map[string]string{
	"data/file.go":                            "reads the project's own file",
	"pkg/cifar/aside.go":                      "locks a file in a folder that it has made, or that isAside has checked",
	"pkg/cifar/download.go":                   "fileSize has checked the file",
	"pkg/internal/atomicfile/atomicfile.go":   "writes to a device or FIFO if the user names one as the output",
	"pkg/internal/regularfile/regularfile.go": "the check itself",
	"pkg/runner/folder.go":                    "CheckNew has checked the lock",
}

// A program that opens a FIFO hangs, so packages and commands open files through this package, and write them through atomicfile.
func TestEverywhere(t *testing.T) {
	t.Parallel()
	root, used := filepath.Join("..", "..", ".."), map[string]bool{}
	check := func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		name = filepath.ToSlash(name)
		for line := range strings.Lines(string(text)) {
			if !opens.MatchString(line) || strings.Contains(line, "O_EXCL") {
				continue
			}
			used[name] = true
			require.Contains(t, exceptions, name, "%s opens a file of any kind:%s", name, line)
		}
		return nil
	}
	for _, folder := range []string{"cmd", "data", "pkg"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, folder), check))
	}
	require.Len(t, used, len(exceptions), "an exception is not needed any more: %v", used)
}
