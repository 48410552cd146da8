package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/safetensors"
)

func (a *app) summary() *cobra.Command {
	c := &cobra.Command{
		Use: "summary [flags]", Short: "List the network's layers.", Args: arguments(0, 0, "none"),
		Long: `Lists the network's layers: output for a 32×32 image, parameters, multiply-adds.`,
		RunE: func(*cobra.Command, []string) error {
			if err := a.validate(); err != nil {
				return err
			}
			fmt.Fprint(a.out, a.network().Summary())
			return nil
		},
	}
	a.networkFlags(c)
	return c
}

func (a *app) compile() *cobra.Command {
	c := &cobra.Command{
		Use: "compile [flags]", Short: "Let XLA compile the network now.", Args: arguments(0, 0, "none"),
		Long: `Lets XLA compile the training step and the evaluation for this processor, and keeps the programs in the user's cache folder.
Otherwise the first command that needs them compiles them. With a backend that keeps no programs, it does nothing.`,
		RunE: func(*cobra.Command, []string) error { return a.runCompile() },
	}
	a.networkFlags(c)
	a.backendFlags(c)
	return c
}

func (a *app) runCompile() error {
	if err := a.validate(); err != nil {
		return err
	}
	b, err := backend.New(a.backend, os.Stderr)
	if err != nil {
		return err
	}
	if !backend.CachesPrograms(b) {
		fmt.Fprintf(a.out, "%s keeps no compiled programs: nothing to do\n", backend.Describe(b))
		return nil
	}
	start := time.Now()
	if err := lab.Compile(b, a.network()); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "compiled: %v, in %.0f s\n", a.network(), time.Since(start).Seconds())
	return nil
}

// networkOf returns the network that a file of weights belongs to, by the shapes of its tensors. If these do not determine it,
// networkOf returns the network that the flags describe, and loading the weights reports what is missing.
func (a *app) networkOf(path string) (resnet.Config, error) {
	c := a.network()
	f, err := safetensors.Open(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	const head = "fc.weight"
	i := slices.IndexFunc(f.Names(), func(name string) bool { return strings.HasSuffix(name, head) })
	if i < 0 {
		return c, nil
	}
	prefix := strings.TrimSuffix(f.Names()[i], head) // such as "module."
	fc, _ := f.Entry(prefix + head)
	stem, _ := f.Entry(prefix + "conv1.weight")
	_, projection := f.Entry(prefix + "layer2.0.downsample.0.weight")
	if len(fc.Shape) != 2 || len(stem.Shape) != 4 {
		return c, nil
	}
	c.NumClasses, c.Plain, c.Stem = fc.Shape[0], !projection, resnet.ImageNetStem
	if stem.Shape[2] == 3 {
		c.Stem = resnet.CIFARStem
	}
	return c, c.Validate()
}
