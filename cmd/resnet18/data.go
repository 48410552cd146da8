package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/cifar"
)

func (a *app) data() *cobra.Command {
	c := &cobra.Command{
		Use: "data [flags]", Short: "Find CIFAR-10, unpack it and count the classes.", Args: arguments(0, 0, "none"),
		Long: `Finds CIFAR-10, unpacks it into WORK/data and counts the images of each class. If there is no archive, it is rebuilt from
the JPEG copies of all 60,000 images in this program. To use your own archive or folder, set the environment variable
CIFAR10_PATH.`,
		RunE: func(*cobra.Command, []string) error { return a.runData() },
	}
	a.workFlag(c)
	a.imagesFlag(c, "`NUMBER`: count only this many images of each set (default: all)")
	a.downloadFlag(c)
	return c
}

func (a *app) runData() error {
	if err := a.validate(); err != nil {
		return err
	}
	folder := filepath.Join(a.work, "data")
	source, err := cifar.Find(context.Background(), cifar.FindOptions{Dir: folder, Download: a.download, Progress: a.out})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, "data:", source)
	folder, members, err := cifar.Extract(source.Path, folder)
	if err != nil {
		return err
	}
	for _, m := range members {
		fmt.Fprintf(a.out, "%10d  %s\n", m.Size, m.Name)
	}
	fmt.Fprintln(a.out, "in", folder)
	for _, split := range []cifar.Split{cifar.Train, cifar.Dev, cifar.Test} {
		d, err := cifar.Open(source, split)
		if err != nil {
			return err
		}
		d = d.Take(a.images)
		fmt.Fprintf(a.out, "\n%s: %d images, fingerprint %s\n", split, d.Len(), d.Fingerprint())
		for class, n := range d.ClassCounts() {
			fmt.Fprintf(a.out, "  %-10s %6d\n", cifar.Classes[class], n)
		}
	}
	return nil
}
