package cifar

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// check reports whether a file is the published archive.
func (o official) check(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := md5.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != o.md5 {
		return fmt.Errorf("%s has MD5 %s, the official archive has %s", name, sum, o.md5)
	}
	return nil
}
