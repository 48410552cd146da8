package main

import (
	"fmt"
	"os"
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
	if found, ok := resnet.Identify(f); ok {
		found.BFloat16 = c.BFloat16
		return found, nil
	}
	return c, nil
}
