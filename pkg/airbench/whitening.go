package airbench

import (
	"image"
	"math"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/metrics"
)

const (
	patchSize = 2 * 2 * cifar10.Channels
	whitened  = 2 * patchSize // channels of the first layer: each direction and its negative, as GELU keeps positive values only
	// whiteningImages is the number of images that the patches are taken from.
	whiteningImages = 5000
	// varianceEpsilon is added to the variances, so that directions with hardly any variance are not amplified.
	varianceEpsilon = 5e-4
)

// Whitening returns the kernel [2, 2, 3, 24] that turns 2×2 patches of normalised images into uncorrelated numbers of variance
// 1. With C = mean of p·pᵀ over all patches p and C = V·Λ·Vᵀ, its columns are ±v_j/√(λ_j + 0.0005), the largest λ first
// (as airbench94 does; the idea is Page's, 2018).
func Whitening(d *cifar10.Dataset) []float32 {
	values, vectors := eigen(patchCovariance(d.Take(whiteningImages)))
	kernel := make([]float32, patchSize*whitened)
	for column, j := range metrics.TopK(values[:], patchSize) {
		scale := 1 / math.Sqrt(values[j]+varianceEpsilon)
		for i := range patchSize {
			kernel[i*whitened+column] = float32(scale * vectors[i][j])
			kernel[i*whitened+patchSize+column] = float32(-scale * vectors[i][j])
		}
	}
	return kernel
}

type matrix = [patchSize][patchSize]float64

// patchCovariance is the mean of p·pᵀ over all 2×2 patches of all images.
func patchCovariance(d *cifar10.Dataset) (sum matrix) {
	var level [cifar10.Channels][256]float64 // the normalised value of a byte
	for c := range level {
		for v := range level[c] {
			level[c][v] = (float64(v)/255 - float64(cifar10.Mean[c])) / float64(cifar10.Std[c])
		}
	}
	n := 0.0
	for i := range d.Len() {
		pixels := d.Pixels[i*cifar10.ImageSize:][:cifar10.ImageSize]
		for y := range cifar10.Height - 1 {
			for x := range cifar10.Width - 1 {
				var p [patchSize]float64
				for k := range p {
					c, dx, dy := k%3, k/3%2, k/6
					p[k] = level[c][pixels[((y+dy)*cifar10.Width+x+dx)*cifar10.Channels+c]]
				}
				for a := range p {
					for b := range a + 1 {
						sum[a][b] += p[a] * p[b]
					}
				}
				n++
			}
		}
	}
	for a := range sum {
		for b := range a + 1 {
			sum[a][b] /= n
			sum[b][a] = sum[a][b]
		}
	}
	return sum
}

// eigen returns the eigenvalues of a symmetric matrix and, as the columns of vectors, its unit eigenvectors. It uses Jacobi
// rotations: each sets one pair of elements to zero, and the others shrink with every sweep (Golub and Van Loan, section 8.5).
func eigen(a matrix) (values [patchSize]float64, vectors matrix) {
	for i := range vectors {
		vectors[i][i] = 1
	}
	for range 30 { // sweeps; far fewer suffice
		for p := range patchSize {
			for q := p + 1; q < patchSize; q++ {
				if a[p][q] == 0 {
					continue
				}
				theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
				t := math.Copysign(1, theta) / (math.Abs(theta) + math.Hypot(theta, 1))
				c := 1 / math.Hypot(t, 1)
				s := t * c
				rotate := func(x, y *float64) { *x, *y = c**x-s**y, s**x+c**y }
				for k := range patchSize {
					rotate(&a[k][p], &a[k][q])
				}
				for k := range patchSize {
					rotate(&a[p][k], &a[q][k])
					rotate(&vectors[k][p], &vectors[k][q])
				}
			}
		}
	}
	for i := range values {
		values[i] = a[i][i]
	}
	return values, vectors
}

// Filters draws the kernels of the first twelve channels as images of 2×2 pixels: grey is 0, and the largest weight of each is
// as bright or dark as possible. The other twelve channels are their negatives.
func Filters(kernel []float32) []image.Image {
	var images []image.Image
	for f := range patchSize {
		weight := func(i int) float64 { return float64(kernel[i*whitened+f]) }
		largest := 0.0
		for i := range patchSize {
			largest = max(largest, math.Abs(weight(i)))
		}
		img := image.NewNRGBA(image.Rect(0, 0, 2, 2))
		for i := range patchSize {
			img.Pix[i/3*4+i%3] = uint8(math.Round(127.5 + 127*weight(i)/largest))
			img.Pix[i/3*4+3] = 0xff
		}
		images = append(images, img)
	}
	return images
}
