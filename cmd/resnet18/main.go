// Resnet18 runs the chapter's steps from a terminal: find the data, train ResNet-18, evaluate it, predict with it.
//
// commands.go lists the commands; each has its own file. flags.go has the flags that several share, and runs.go finds the folder
// of a run and its model.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/runner"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process. It returns the exit code: 0 for success, 1 for a failure, 2 for a wrong command line, 130 for
// a training that was saved and stopped by Ctrl-C.
func run(args []string, stdout, stderr io.Writer) int {
	if completesDash(args) {
		last := len(args) - 1
		args, stdout = append(args[:last:last], "-"+args[last]), oneDash{stdout}
	}
	root := newRoot(stdout, stderr)
	root.SetArgs(doubleDashes(args))
	c, err := execute(root)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, runner.ErrStopped):
		return 130
	case errors.Is(err, errReported):
		return 1
	}
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(stderr, "%s: %s; see \"%[1]s -h\"\n", c.CommandPath(), oneLine(err))
		return 2
	}
	fmt.Fprintln(stderr, "resnet18:", oneLine(err))
	return 1
}

// execute runs the command. A panic becomes a one-line error, unless GOTRACEBACK asks for the stack.
func execute(root *cobra.Command) (c *cobra.Command, err error) {
	if os.Getenv("GOTRACEBACK") == "" {
		defer func() {
			if p := recover(); p != nil {
				c, err = root, fmt.Errorf("a bug: %v; GOTRACEBACK=all shows where", p)
			}
		}()
	}
	return root.ExecuteC()
}

// oneLine joins the lines of an error: joined errors have one each.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}

// usageError is an error of the command line: exit code 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errReported is returned by a command that has already printed its errors.
var errReported = errors.New("see the errors above")

// doubleDashes turns -flag into --flag, so that one dash works as it does in Go's own commands. cobra reads one dash as a group
// of one-letter flags, and there are none but -h.
func doubleDashes(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		if arg == "--" {
			copy(out[i:], args[i:])
			break
		}
		if len(arg) > 2 && arg[0] == '-' && (arg[1]|0x20) >= 'a' && (arg[1]|0x20) <= 'z' {
			arg = "-" + arg
		}
		out[i] = arg
	}
	return out
}
