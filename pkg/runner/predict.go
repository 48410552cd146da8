package runner

import (
	"fmt"
	"math/bits"

	"github.com/gomlx/gomlx/core/tensors"

	"nndl.example/resnet18/pkg/cifar"
)

// Predict returns the logits [n, classes] of images given as bytes [n, 32, 32, 3]. The error is ErrNotFinite if one of them is NaN
// or infinite.
func (r *Runner) Predict(pixels []uint8) ([][]float32, error) {
	n := len(pixels) / cifar.ImageSize
	if n == 0 || n*cifar.ImageSize != len(pixels) {
		return nil, fmt.Errorf("runner: %d bytes to predict from, want a positive multiple of %d (32×32×3)", len(pixels), cifar.ImageSize)
	}
	rows := make([][]float32, 0, n)
	for start := 0; start < n; start += EvalBatch {
		count := min(EvalBatch, n-start)
		batch, err := r.predictBatch(pixels[start*cifar.ImageSize:][:count*cifar.ImageSize], count)
		if err != nil {
			return nil, fmt.Errorf("runner: predicting images %d to %d: %w", start, start+count-1, err)
		}
		rows = append(rows, batch...)
	}
	return rows, nil
}

// predictBatch predicts from up to EvalBatch images. It pads their number to the next power of two with black images, since a
// graph is compiled for each number.
func (r *Runner) predictBatch(pixels []uint8, n int) ([][]float32, error) {
	padded := min(EvalBatch, 1<<bits.Len(uint(n-1)))
	pixels = append(make([]uint8, 0, padded*cifar.ImageSize), pixels...)[:padded*cifar.ImageSize]
	images := tensors.FromFlatDataAndDimensions(pixels, padded, cifar.Height, cifar.Width, cifar.Channels)
	defer images.MustFinalizeAll()
	out, err := r.predict.Call1(images)
	if err != nil {
		return nil, err
	}
	defer out.MustFinalizeAll()
	logits, err := tensors.CopyFlatData[float32](out) // [padded, classes]
	if err != nil {
		return nil, err
	}
	rows, classes := make([][]float32, n), len(logits)/padded
	for i := range rows {
		rows[i] = logits[i*classes:][:classes:classes]
		for class, l := range rows[i] {
			if !isNumber(float64(l)) {
				return nil, fmt.Errorf("image %d of them: the logit of class %d is %g: %w: the weights are damaged or their training diverged", i, class, l, ErrNotFinite)
			}
		}
	}
	return rows, nil
}
