package cifar

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// A fileStamp is what the file system knows about a file's content. While it stays the same, the file has not been written
// to and need not be hashed again.
type fileStamp struct {
	Size       int64
	ModTime    int64 // in nanoseconds since 1970
	ChangeTime int64 `json:",omitempty"` // the same on Linux, where no program can set it; 0 elsewhere
}

// stampFile returns the stamp of a regular file.
func stampFile(name string) (fileStamp, error) {
	info, err := os.Stat(name)
	if err != nil {
		return fileStamp{}, err
	}
	if err := regularfile.Check(name, info); err != nil {
		return fileStamp{}, err
	}
	return fileStamp{info.Size(), info.ModTime().UnixNano(), changeTime(info)}, nil
}

// hashFile returns the digest of a regular file in hexadecimal digits.
func hashFile(ctx context.Context, name string, h hash.Hash) (string, error) {
	f, info, err := regularfile.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, contextReader{ctx, io.LimitReader(f, info.Size())}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// contextReader ends with the context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// readFile reads a regular file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, info, err := regularfile.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", name, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	if _, err = io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// readJSON reports whether a file contains the JSON of a value and nothing else.
func readJSON(name string, v any) bool {
	text, err := readFile(name, maxSmallFile)
	return err == nil && json.Unmarshal(text, v) == nil
}

func writeJSON(name string, v any) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "\t")
		return e.Encode(v)
	})
}

// writeSynced writes a new file and waits until it is on the disk, so that a later rename of its folder cannot be there
// before the content.
func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
