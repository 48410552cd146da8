// Train trains ResNet-18 on CIFAR-10 and scores it on the test set, using only this project's packages.
//
//	go run ./examples/train -epochs 1 -images 2000
//
// To start your own program from it, see "Use the packages in your own module" in README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

func main() {
	epochs := flag.Int("epochs", 30, "passes over the training set")
	images := flag.Int("images", 0, "training images (0: all 40,000)")
	dir := flag.String("dir", "work-example", "folder for the data and the run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, *epochs, *images); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string, epochs, images int) error {
	b, err := backend.New("", os.Stderr) // XLA on a GPU or the CPU, else pure Go
	if err != nil {
		return err
	}
	source, err := cifar.Find(ctx, cifar.FindOptions{Dir: dir + "/data", Progress: os.Stdout})
	if err != nil {
		return err
	}
	var sets [3]*cifar.Dataset
	for i, split := range []cifar.Split{cifar.Train, cifar.Dev, cifar.Test} {
		if sets[i], err = cifar.Open(source, split); err != nil {
			return err
		}
		sets[i] = sets[i].Take(images)
	}
	network := resnet.Custom(3, cifar.NumClasses, true)
	r, err := runner.New(b, network, dir+"/run", runner.Config{Epochs: epochs}) // all else as in the chapter
	if err != nil {
		return err
	}
	if err := r.Train(ctx, sets[0], sets[1]); err != nil { // Ctrl-C stops it, the next start resumes
		return err
	}
	if err := r.LoadModel(r.BestPath()); err != nil {
		return err
	}
	accuracy, loss, err := r.Evaluate(ctx, sets[2])
	fmt.Printf("test accuracy %.4f, loss %.4f\n", accuracy, loss)
	return err
}
