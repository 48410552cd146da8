/*
Package cifar finds, unpacks and reads CIFAR-10, and loads it in batches for training. CIFAR-10 is 60,000 colour photographs of
32×32 pixels in ten classes, 50,000 for training and 10,000 for testing, collected by Alex Krizhevsky, Vinod Nair and
Geoffrey Hinton (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
https://www.cs.toronto.edu/~kriz/cifar.html).

# From the archive to arrays

	src, err := cifar.Find(ctx, cifar.FindOptions{Dir: "work/data", Progress: os.Stdout})
	folder, members, err := cifar.Extract(src.Path, "work/data")
	batch, err := cifar.LoadBatch(folder, 1, cifar.Train) // 10,000 images as floats, to look at
	train, err := cifar.Load(folder, cifar.Train)         // 40,000 images as bytes, for training

Find looks for the data, in the order that it documents, and reports which it uses. Extract unpacks like "tar -xvf"; a corrupt,
foreign or malicious archive gives an error and leaves no files behind. LoadBatch and Load read the extracted
folder; Open reads an archive directly. Errors wrap ErrCorrupt, ErrOtherData, ErrNotFound or ErrNotOurs.

The published data has five training batches and one test batch of 10,000 images each. There is no
validation set; like the chapter, this package uses the last training batch as one:

	Train   40,000 images   data_batch_1 to data_batch_4
	Dev     10,000 images   data_batch_5
	Test    10,000 images   test_batch

# The two published layouts

The same images are published in two formats.

The python layout, cifar-10-python.tar.gz, unpacks to cifar-10-batches-py/. Each batch is a Python 2
pickle of protocol 2 that holds a dictionary:

	"batch_label"   "training batch 1 of 5"
	"labels"        list of 10,000 integers, 0 to 9
	"data"          numpy array of shape (10000, 3072) and type uint8, one image per row
	"filenames"     list of 10,000 names (not read here)

and batches.meta is a pickle with "label_names", the ten names in order.

A pickle is a program that can call any Python function; internal/pickle decodes the few opcodes and names that this data needs
and refuses the rest.

The binary layout, cifar-10-binary.tar.gz, unpacks to cifar-10-batches-bin/. Each batch is 10,000
records of 3,073 bytes, without headers or padding:

	1 byte       label, 0 to 9
	3072 bytes   the image

and batches.meta.txt has the ten names, one per line.

In both layouts an image is three planes, red, green, blue, each of 32 rows of 32 bytes: [channel][row][column], CHW. LoadBatch
keeps this order, as the chapter does. Load converts it to [row][column][channel], HWC, the order of Go's image package and of
convolutions on a CPU. The two layouts give the same arrays, byte for byte.
*/
package cifar
