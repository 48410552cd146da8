// Package shapes draws small pictures of circles, squares and the like, in a folder for each class: an example of own pictures, and
// data for tests.
package shapes

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/image/vector"

	"nndl.example/resnet18/pkg/internal/atomicfile"
)

// Classes are the shapes, sorted by name.
var Classes = []string{"circle", "cross", "square", "star", "triangle"}

// ErrExists reports that the folder exists already.
var ErrExists = errors.New("exists already: choose another name, or remove it")

// size is the height and width of a picture.
const size = 64

// Write draws a number of pictures of each class into a new folder: FOLDER/circle/001.png and so on. They follow from the seed.
func Write(folder string, perClass int, seed uint64) error {
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("shapes: %s %w", folder, ErrExists)
	}
	for class, name := range Classes {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			return fmt.Errorf("shapes: %w", err)
		}
		for i := range perClass {
			img := picture(class, rand.New(rand.NewPCG(seed, uint64(i*len(Classes)+class))))
			path := filepath.Join(folder, name, fmt.Sprintf("%03d.png", i+1))
			err := atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, img) })
			if err != nil {
				return fmt.Errorf("shapes: %w", err)
			}
		}
	}
	return nil
}

// picture draws a shape of random size, place, direction and colour.
func picture(class int, rng *rand.Rand) *image.NRGBA {
	background, foreground := colors(rng)
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	draw.Draw(img, img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	radius := size * (0.22 + 0.2*rng.Float64())
	x, y := size/2+0.12*size*(2*rng.Float64()-1), size/2+0.12*size*(2*rng.Float64()-1)
	direction := 2 * math.Pi * rng.Float64()
	var path vector.Rasterizer
	path.Reset(size, size)
	for i, p := range outline(class) {
		at := direction + 2*math.Pi*p.angle
		px, py := float32(x+radius*p.distance*math.Cos(at)), float32(y+radius*p.distance*math.Sin(at))
		if i == 0 {
			path.MoveTo(px, py)
		} else {
			path.LineTo(px, py)
		}
	}
	path.ClosePath()
	path.Draw(img, img.Bounds(), image.NewUniform(foreground), image.Point{})
	return img
}

// colors returns two random colours of which one is clearly brighter.
func colors(rng *rand.Rand) (a, b color.NRGBA) {
	shade := func(low int) color.NRGBA {
		return color.NRGBA{uint8(low + rng.IntN(110)), uint8(low + rng.IntN(110)), uint8(low + rng.IntN(110)), 255}
	}
	a, b = shade(0), shade(145)
	if rng.IntN(2) == 0 {
		a, b = b, a
	}
	return a, b
}

// corner is a corner of a shape around its centre: an angle in turns, and a distance in radii.
type corner struct{ angle, distance float64 }

func outline(class int) (corners []corner) {
	regular := func(n int, distance func(i int) float64) {
		for i := range n {
			corners = append(corners, corner{float64(i) / float64(n), distance(i)})
		}
	}
	one := func(int) float64 { return 1 }
	switch Classes[class] {
	case "circle":
		regular(48, one)
	case "square":
		regular(4, one)
	case "triangle":
		regular(3, one)
	case "star":
		regular(10, func(i int) float64 { return 1 - 0.6*float64(i%2) })
	case "cross":
		const arm = 0.05 // half the angle of an arm, in turns
		for i := range 4 {
			side := float64(i) / 4
			corners = append(corners, corner{side - arm, 1}, corner{side + arm, 1}, corner{side + 0.125, math.Sqrt2 * math.Sin(2*math.Pi*arm)})
		}
	}
	return corners
}
