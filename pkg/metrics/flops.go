package metrics

// TrainingFLOPs returns the number of floating-point operations of a training, given a network's multiply-adds for one
// image: two for each multiply-add in the forward pass and twice as many in the backward pass, which computes a gradient for
// the input and one for the weights of each layer.
func TrainingFLOPs(macs int64, images, epochs int) float64 {
	return 3 * 2 * float64(macs) * float64(images) * float64(epochs)
}
