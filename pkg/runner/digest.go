package runner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"

	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/safetensors"
)

// digestKey is the metadata key of the SHA-256 that every file of a run carries. The name is our own, since foreign
// safetensors files may have a "sha256" of something else.
const digestKey = "nndl.sha256"

// hasher computes the digest of a file's metadata and tensors, so that a flipped bit in a weight is noticed.
type hasher struct{ hash.Hash }

func newHasher(metadata map[string]string, keys []string) hasher {
	h := hasher{sha256.New()}
	for _, key := range keys {
		fmt.Fprintf(h, "%s %q\n", key, metadata[key])
	}
	return h
}

func (h hasher) add(t safetensors.Tensor) {
	fmt.Fprintf(h, "%q %s %v\n", t.Name, t.DType, t.Shape)
	h.Write(t.Data)
}

func (h hasher) String() string { return hex.EncodeToString(h.Sum(nil)) }

// digestedKeys lists the metadata keys that a digest covers.
func digestedKeys(metadata map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(metadata)), func(key string) bool { return key == digestKey })
}

// digest returns the digest of a file with these metadata and tensors.
func digest(metadata map[string]string, ts []safetensors.Tensor) string {
	h := newHasher(metadata, digestedKeys(metadata))
	for _, t := range ts {
		h.add(t)
	}
	return h.String()
}

// fileDigest computes the digest of an open file. It reads one tensor at a time.
func fileDigest(f *safetensors.File) (string, error) {
	h := newHasher(f.Metadata, digestedKeys(f.Metadata))
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return "", err
		}
		h.add(t)
	}
	return h.String(), nil
}

// checkDigest compares the digest that a file carries with its content.
func checkDigest(f *safetensors.File) error {
	if f.Metadata[digestKey] == "" {
		return fmt.Errorf("%w: no digest: another program, or a version without digests, wrote the file", ErrCorrupt)
	}
	got, err := fileDigest(f)
	if err != nil {
		return err
	}
	if got != f.Metadata[digestKey] {
		return errDigest
	}
	return nil
}

var errDigest = fmt.Errorf("%w: the content does not match its SHA-256", ErrCorrupt)

// setDigest replaces the placeholder in a safetensors file in memory by the file's digest.
func setDigest(file []byte) error {
	f, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return err
	}
	sum, err := fileDigest(f)
	if err != nil {
		return err
	}
	at := bytes.Index(file, []byte(placeholder))
	if at < 0 {
		return errors.New("no placeholder for the digest")
	}
	copy(file[at:], sum)
	return nil
}

// placeholder has the length of a digest.
const placeholder = "0000000000000000000000000000000000000000000000000000000000000000"

// openOwn opens a file that this program has written.
func openOwn(path string) (*safetensors.File, error) {
	f, err := safetensors.Open(path)
	return f, asCorrupt(err)
}

// asCorrupt wraps another package's error for a corrupt file so that it is also this package's ErrCorrupt.
func asCorrupt(err error) error {
	if errors.Is(err, safetensors.ErrCorrupt) || errors.Is(err, pretrained.ErrCorrupt) {
		return corruptError{err}
	}
	return err
}

type corruptError struct{ error }

func (corruptError) Is(target error) bool { return target == ErrCorrupt }
func (e corruptError) Unwrap() error      { return e.error }
