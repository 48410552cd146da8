package lab

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/image/draw"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/internal/atomicfile"
)

// SaveExample enlarges a test image to 320×320 pixels and writes it as a PNG file, for readers without a picture of their own.
// It returns the file's path.
func SaveExample(l *Lab, index int) (path string, err error) {
	d, err := cifar.Open(l.Source, cifar.Test)
	if err != nil {
		return "", err
	}
	if index < 0 || index >= d.Len() {
		return "", fmt.Errorf("lab: test image %d, want 0 to %d", index, d.Len()-1)
	}
	small := d.Image(index)
	large := image.NewNRGBA(image.Rect(0, 0, 320, 320))
	draw.CatmullRom.Scale(large, large.Bounds(), small, small.Bounds(), draw.Src, nil)
	path = filepath.Join(l.Work, fmt.Sprintf("%s-%d.png", cifar.Classes[d.Labels[index]], index))
	err = os.MkdirAll(l.Work, 0o755)
	if err == nil {
		err = atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, large) })
	}
	if err != nil {
		return "", fmt.Errorf("lab: saving an example picture: %w", err)
	}
	return path, nil
}
