// Package nn implements the layers of this project's networks, convolution, batch norm, pooling and ReLU, and their
// variables.
//
// Layers are GoMLX graph functions on maps of shape [batch, height, width, channels]. Their outputs and gradients agree
// with PyTorch's; only the way XLA computes them differs. On a CPU XLA runs matrix products well and its own convolutions,
// pools and reductions slowly, so here a convolution is im2col and a matrix product (conv.go) or Winograd's filtering
// (winograd.go), and some layers have a custom gradient (custom_gradient.go). On a GPU the native operations are faster
// and are used.
//
// Like all GoMLX graph functions, they panic on a wrong shape; GoMLX's Exec and Trainer return that as an error.
package nn
