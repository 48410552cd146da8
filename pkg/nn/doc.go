// Package nn has the layers that the networks of this project are made of: convolution, batch norm, pooling, ReLU, and
// the variables that they read.
//
// Layers are GoMLX graph functions on maps of shape [batch, height, width, channels]. They give the numbers that PyTorch's
// layers give, forward and backward; what differs is how XLA gets to them. On a CPU XLA runs matrix products well and
// its own convolutions, pools and reductions slowly, so here a convolution is im2col and a matrix product (conv.go) or
// Winograd's filtering (winograd.go), and some layers carry a gradient of their own (custom_gradient.go). On a GPU the
// native operations are faster and are used.
//
// As all GoMLX graph functions, those here panic on a wrong shape; GoMLX's Exec and Trainer return that as an error.
package nn
