// Package data embeds an offline copy of CIFAR-10, so that the project runs without a network.
//
// CIFAR-10 is by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton and is described in
// Alex Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", technical report,
// University of Toronto, 2009 (https://www.cs.toronto.edu/~kriz/cifar.html).
//
// The copy contains all 60,000 images in the published order, 50,000 for training and 10,000 for
// testing, each as a JPEG file of quality 75 with 4:2:0 chroma subsampling. JPEG loses a little,
// so pixels differ a little from the published ones, and checksums of anything made from this
// copy differ from the published checksums. Package cifar rebuilds the published archive layouts
// from it.
package data

// JPEGArchive returns a gzipped tar archive of 60,000 JPEG images of 32×32 pixels. The members are named
// split/index_class.jpg, in the order train/00000_frog.jpg to train/49999_automobile.jpg,
// then test/00000_cat.jpg to test/09999_horse.jpg. Do not write to it.
//
// With the build tag cells the archive is not embedded but read from this folder: 19 MB less to link for each cell of a notebook.
//
//go:noinline
func JPEGArchive() ([]byte, error) { return archive() }
