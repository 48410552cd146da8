// Package cifar10 describes CIFAR-10's images in memory: their size, classes and normalisation, and Dataset, which holds a
// split. It needs neither files nor a network, so a program that brings its own images, such as the page in site/, stays small.
// Package cifar finds and reads the data.
package cifar10

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

// Dimensions of the data.
const (
	Height     = 32
	Width      = 32
	Channels   = 3
	NumClasses = 10
	ImageSize  = Height * Width * Channels // bytes of one image
)

// Classes are the names of the labels 0 to 9.
var Classes = [NumClasses]string{
	"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// Mean and Std are the chapter's normalisation constants for the red, green and blue channel of
// pixels in [0,1]: an input is (pixel - Mean) / Std.
//
// Mean is the mean over all 50,000 training images. Std, which is widely used, is the mean of the standard deviations of
// single images; the standard deviation over all pixels is larger: 0.2470, 0.2435, 0.2616. Inputs normalised with Std have
// mean 0 and a standard deviation of about 1.2 to 1.3.
var (
	Mean = [Channels]float32{0.4914, 0.4822, 0.4465}
	Std  = [Channels]float32{0.2023, 0.1994, 0.2010}
)

// Normalize is the chapter's transform as a graph: uint8 [batch, 32, 32, 3] to float32 (x/255 - Mean) / Std for each channel.
func Normalize(images *graph.Node) *graph.Node {
	g := images.Graph()
	x := graph.DivScalar(graph.ConvertDType(images, dtypes.Float32), 255)
	x = graph.Sub(x, graph.Reshape(graph.Const(g, Mean[:]), 1, 1, 1, Channels))
	return graph.Div(x, graph.Reshape(graph.Const(g, Std[:]), 1, 1, 1, Channels))
}

// A Split is one of the three parts of the data.
type Split string

// The chapter's splits.
const (
	Train Split = "train" // 40,000 images: data_batch_1 to data_batch_4
	Dev   Split = "dev"   // 10,000 images: data_batch_5
	Test  Split = "test"  // 10,000 images: test_batch
)
