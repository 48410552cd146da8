package exercises

import (
	"math"
	"strings"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
)

// CountLayers finds the number in a network's name (notebook 02, exercise 1): the layers with weights on the main path,
// which the projections are not on.
func CountLayers(s resnet.Summary) (n int) {
	for _, l := range s.Layers {
		if l.Params > 0 && !strings.Contains(l.Name, "downsample") {
			n++
		}
	}
	return n
}

// BatchNorm is one channel of batch norm in training mode (notebook 02, exercise 2). It returns the normalised values and
// the running statistics after this batch. The values are divided by the deviation with n, as the paper has it; the
// running variance takes the one with n-1, the better guess for images to come.
func BatchNorm(x []float64, gamma, beta, runningMean, runningVar float64) (y []float64, newMean, newVar float64) {
	n := float64(len(x))
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / n
	}
	for _, v := range x {
		y = append(y, gamma*(v-mean)/math.Sqrt(variance+nn.Epsilon)+beta)
	}
	const keep = nn.Momentum
	return y, keep*runningMean + (1-keep)*mean, keep*runningVar + (1-keep)*variance*n/(n-1)
}

// FirstLoss is what an untrained network with K outputs should cost, its logits spread by sigma (notebook 02, exercise
// 3): for 4.85, take 100 outputs.
func FirstLoss(outputs int, sigma float64) float64 {
	return math.Log(float64(outputs)) + sigma*sigma/2
}

// LiveTaps counts the places of a k×k kernel that meet the image at some position (notebook 02, exercise 4), by trying
// all positions of a map of size×size.
func LiveTaps(size, k, stride int) int {
	live := 0 // of the k rows; the columns are the same
	for tap := range k {
		for position := 0; position < size; position += stride {
			if at := position + tap - k/2; at >= 0 && at < size {
				live++
				break
			}
		}
	}
	return live * live
}
