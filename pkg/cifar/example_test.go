package cifar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldenDir is the folder for the tests that use all 60,000 images.
var goldenDir string

func TestMain(m *testing.M) {
	os.Unsetenv(PathVariable)
	dir, err := os.MkdirTemp("", "cifar-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goldenDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func ExampleExtract_webPage() {
	page := filepath.Join(goldenDir, "page.tar.gz")
	if err := os.WriteFile(page, []byte("<!DOCTYPE html><title>404 Not Found</title>"), 0o644); err != nil {
		fmt.Println(err)
	}
	_, _, err := Extract(page, goldenDir)
	if errors.Is(err, ErrCorrupt) {
		text, _, _ := strings.Cut(err.Error(), "; ")
		fmt.Println(strings.ReplaceAll(text, page, "page.tar.gz"))
	}
	// Output: cifar: archive page.tar.gz: corrupt data: not a gzip file but a web page (HTML), perhaps an error page or a log-in page saved under this name
}

func ExampleFind() {
	src, err := Find(context.Background(), FindOptions{Dir: "work/data", Download: true, Progress: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Data:", src)
}

func ExampleLoad() {
	train, err := Load("work/data/cifar-10-batches-py", Train)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(train.Len(), "images from the", train.Origin)
	for class, n := range train.ClassCounts() {
		fmt.Println(Classes[class], n)
	}
}

func ExampleDataset_ChannelStats() {
	d := &Dataset{Split: Train, Labels: []uint16{6}, Pixels: make([]uint8, ImageSize)}
	for i := range d.Pixels {
		d.Pixels[i] = uint8(51 * (i % Channels)) // red 0, green 51, blue 102
	}
	mean, std := d.ChannelStats()
	fmt.Printf("%s: mean %.1f, std %.1f\n", Classes[d.Labels[0]], mean, std)
	// Output: frog: mean [0.0 0.2 0.4], std [0.0 0.0 0.0]
}
