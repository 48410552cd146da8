package lab

import (
	"fmt"
	"io"
	"os"

	"github.com/janpfeifer/must"
)

// In a notebook, must.M ends the cell with a one-line error instead of a stack trace.
func init() {
	if os.Getenv("GONB_DIR") != "" {
		must.M = exitOn(os.Stderr, os.Exit)
	}
}

func exitOn(out io.Writer, exit func(code int)) func(error) {
	return func(err error) {
		if err != nil {
			fmt.Fprintln(out, err)
			exit(1)
		}
	}
}
