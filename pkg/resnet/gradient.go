package resnet

import . "github.com/gomlx/gomlx/core/graph"

// withGradient builds forward(inputs) and gives it a gradient of its own in place of the one that GoMLX
// would derive: backward returns the gradient of the loss for each input, given that for the output. It
// is how the network keeps backward passes to the operations that XLA's CPU code runs well.
//
// GoMLX lets only an identity carry a custom gradient, so one stands behind the output, to catch its
// gradient, and one before each input, to replace what arrives there.
func withGradient(inputs []*Node, forward func(inputs []*Node) *Node, backward func(inputs []*Node, dy *Node) []*Node) *Node {
	var dy *Node
	var grads []*Node
	wrapped := make([]*Node, len(inputs))
	for i, input := range inputs {
		wrapped[i] = IdentityWithCustomGradient(input, func(_, derived *Node) *Node {
			if grads == nil {
				grads = backward(inputs, dy)
			}
			if grads[i] == nil {
				return derived
			}
			return grads[i]
		})
	}
	return IdentityWithCustomGradient(forward(wrapped), func(_, v *Node) *Node {
		dy, grads = v, nil
		return v
	})
}
