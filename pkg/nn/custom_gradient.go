package nn

import . "github.com/gomlx/gomlx/core/graph"

// withGradient builds forward(inputs) with a custom gradient: backward returns the gradient of the loss for each input,
// given dy, that for the output; nil leaves an input the gradient that GoMLX derives. The layers here use it to restrict
// backward passes to operations that XLA runs well on a CPU.
//
// GoMLX lets only an identity carry a custom gradient. So one identity after the output catches dy, and one before each
// input replaces the gradient that arrives there.
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

// Fork returns x [batch, h, w, channels] twice, for the two paths of a residual block. Both paths go through the shape
// [batch·h·w, channels], in which GoMLX then adds their gradients. In x's own shape XLA may write the sum over one of its
// terms; LLVM's code then finds the same address twice at run time and adds number by number instead of by vectors,
// which takes four times as long (bench/NOTES.md).
func Fork(x *Node) (a, b *Node) {
	rows := Reshape(x, -1, x.Shape().Dim(3))
	path := func() *Node { return Reshape(rows, x.Shape().Dimensions...) }
	return path(), path()
}
