// Package smalldisk runs a test on a small file system that fills up quickly.
package smalldisk

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Run runs a test in a separate process, which can mount a tmpfs of the given size, such as "64k", at dir without being
// root. If the system does not allow that, the test is skipped.
func Run(t *testing.T, size string, test func(t *testing.T, dir string)) {
	const inside = "SMALLDISK_TEST_DIR"
	if dir := os.Getenv(inside); dir != "" {
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
			t.Skipf("mounting a small tmpfs: %v", err)
		}
		test(t, dir)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if _, started := err.(*exec.ExitError); err != nil && !started {
		t.Skipf("needs user and mount namespaces: %v", err)
	}
	t.Logf("%s", out)
	switch {
	case err != nil:
		t.Fatal(err)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name()+" ")):
		t.Skip("the separate process has skipped the test, see above")
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")):
		t.Fatal("the separate process has not run the test")
	}
}
