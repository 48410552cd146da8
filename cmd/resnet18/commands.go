package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const overview = `resnet18 trains ResNet-18 on CIFAR-10: section 5.5 of "Neural Networks and Deep Learning: Case and Practice".

    resnet18 data                   find CIFAR-10, unpack it, count the classes
    resnet18 summary                list the network's layers
    resnet18 train                  train for 30 epochs; after Ctrl-C the same command resumes
    resnet18 train -lr 0.01         train with other settings, in a run folder of their own
    resnet18 train -data FOLDER     train on your own pictures, one subfolder for each class
    resnet18 evaluate               score the best model on the test set
    resnet18 predict 2 my-cat.jpg   classify test image 2 and your own picture
    resnet18 curves FILE.svg        draw a run's loss and accuracy
    resnet18 export FILE            write the best model as safetensors, with torchvision's names
    resnet18 ship FILE              write it in the compact form that comes with the project
    resnet18 import FILE            start training from such a file, written by export or PyTorch
    resnet18 experiment NAME        train a row of notebook 07's table; "list" lists the rows
    resnet18 shapes FOLDER          draw pictures of shapes, an example for train -data
    resnet18 compile                let XLA compile the network now, so that training does not wait for it
    resnet18 serve                  show the course in a browser, with the network in the page
    resnet18 completion bash        print the script for completion in bash; also zsh, fish, powershell

"resnet18 COMMAND -h" explains a command and lists its flags, which may follow its arguments and take one dash or two.
Exit codes: 0 success, 1 failure, 2 wrong command line, 130 stopped by Ctrl-C after saving.
`

// newRoot returns the command with its subcommands.
func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use: "resnet18", Long: overview, SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return unknownCommand(c, args[0])
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(help)
	root.SetHelpCommand(&cobra.Command{Use: "help [COMMAND]", Short: "Explain a command.", RunE: helpCommand})
	for _, command := range []func(*app) *cobra.Command{
		(*app).data, (*app).summary, (*app).train, (*app).evaluate, (*app).predict, (*app).curves, (*app).exportModel, (*app).ship,
		(*app).importModel, (*app).experiment, (*app).shapes, (*app).compile, (*app).serve, (*app).completion,
	} {
		c := command(&app{out: stdout, err: stderr})
		placeholders(c)
		root.AddCommand(c)
	}
	root.CompletionOptions.DisableDefaultCmd = true // ours is in completion.go
	root.SuggestionsMinimumDistance = 2
	return root
}

func unknownCommand(root *cobra.Command, name string) error {
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return usagef("no command %q; did you mean %q?", name, near[0])
	}
	return usagef("no command %q", name)
}

func helpCommand(c *cobra.Command, args []string) error {
	topic, rest, err := c.Root().Find(args)
	if err != nil || topic == c.Root() && len(rest) > 0 {
		return unknownCommand(c.Root(), args[0])
	}
	topic.InitDefaultHelpFlag()
	return topic.Help()
}

// help prints what a command does and its own flags, with one dash.
func help(c *cobra.Command, _ []string) {
	out := c.OutOrStdout()
	if !c.HasParent() {
		fmt.Fprint(out, c.Long)
		return
	}
	about := c.Long
	if about == "" {
		about = c.Short
	}
	fmt.Fprintf(out, "%s %s\n\n%s\n", c.Parent().CommandPath(), c.Use, strings.TrimSpace(about))
	var names, usages []string
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		usage := f.Usage
		if !slices.Contains([]string{"", "0", "false"}, f.DefValue) {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		names, usages = append(names, strings.TrimSpace("-"+f.Name+" "+placeholder(f))), append(usages, usage)
	})
	width := 0
	for _, n := range names {
		width = max(width, len(n))
	}
	for i, n := range names {
		if i == 0 {
			fmt.Fprint(out, "\nFlags:\n")
		}
		fmt.Fprintf(out, "  %-*s  %s\n", width, n, strings.ReplaceAll(usages[i], "\n", "\n"+strings.Repeat(" ", width+4)))
	}
}

// flagError rewords an error of the flag library.
func flagError(_ *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return usagef("unknown flag -%s", e.GetSpecifiedName())
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usagef("-%s needs a value", e.GetSpecifiedName())
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		want := map[string]string{"int": "a whole number", "uint64": "a whole number of at least 0", "float64": "a number", "bool": "true or false"}
		return usagef("-%s is %q, want %s", e.GetFlag().Name, e.GetValue(), want[e.GetFlag().Value.Type()])
	}
	return usageError{err}
}

// arguments accepts low to high arguments; want names them.
func arguments(low, high int, want string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < low || len(args) > high {
			return usagef("got %d arguments, want %s", len(args), want)
		}
		return nil
	}
}
