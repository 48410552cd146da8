package exercises

import (
	"math"
	"strings"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
)

// CountLayers returns the number in a network's name (notebook 02, exercise 1): the layers with weights on the main path,
// without the projections of the shortcuts.
func CountLayers(s resnet.Summary) (n int) {
	for _, l := range s.Layers {
		if l.Params > 0 && !strings.Contains(l.Name, "downsample") {
			n++
		}
	}
	return n
}

// Convolve2D convolves one channel x with a k×k kernel, k odd, padded with k/2 zeros on each side (notebook 02, exercise 2). A
// kernel of nine times 1/9 blurs. One with a single 1, right of its centre, moves the picture to the left.
func Convolve2D(x, kernel [][]float64, stride int) [][]float64 {
	pad := len(kernel) / 2
	at := func(i, j int) float64 {
		if i < 0 || i >= len(x) || j < 0 || j >= len(x[i]) {
			return 0
		}
		return x[i][j]
	}
	var y [][]float64
	for i := 0; i < len(x); i += stride {
		var row []float64
		for j := 0; j < len(x[i]); j += stride {
			sum := 0.0
			for a := range kernel {
				for b, w := range kernel[a] {
					sum += w * at(i+a-pad, j+b-pad)
				}
			}
			row = append(row, sum)
		}
		y = append(y, row)
	}
	return y
}

// BatchNorm applies batch norm in training mode to one channel (notebook 02, exercise 3). It returns the normalised values
// and the running statistics after this batch. The batch is normalised with the variance divided by n, as in the paper;
// the running variance uses the unbiased estimate, divided by n-1. The batch must have at least two values.
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

// InitialLoss returns the expected cross-entropy of an untrained network whose logits have the standard deviation sigma
// (notebook 02, exercise 4). It is 4.85 for 100 outputs and sigma 0.7.
func InitialLoss(outputs int, sigma float64) float64 {
	return math.Log(float64(outputs)) + sigma*sigma/2
}

// LiveKernelWeights counts the weights of a k×k kernel that meet the image at some output position (notebook 02, exercise
// 5), by trying all positions on a feature map of size×size. The others meet only padding.
func LiveKernelWeights(size, k, stride int) int {
	live := 0 // of the k rows; the columns are alike
	for row := range k {
		for position := 0; position < size; position += stride {
			if at := position + row - k/2; at >= 0 && at < size {
				live++
				break
			}
		}
	}
	return live * live
}
