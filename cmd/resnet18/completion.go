package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// shells are the shells for which there is a completion script.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completion() *cobra.Command {
	c := &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print a script for the shell.", Args: arguments(1, 1, oneOf(shells)),
		Long: `Prints the script with which a shell completes commands, flags, their values, runs and files:

    source <(resnet18 completion bash)                                      bash, in ~/.bashrc
    source <(resnet18 completion zsh)                                       zsh, in ~/.zshrc after compinit
    resnet18 completion fish >~/.config/fish/completions/resnet18.fish      fish
    resnet18 completion powershell | Out-String | Invoke-Expression         PowerShell, in $PROFILE
`,
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			return usagef("shell is %q, want %s", args[0], oneOf(shells))
		},
	}
	c.DisableFlagsInUseLine = true
	c.ValidArgsFunction = cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp)
	return c
}

// oneDash removes one dash of the completions that cobra writes: it offers only flags with two.
type oneDash struct{ io.Writer }

func (w oneDash) Write(p []byte) (int, error) {
	_, err := w.Writer.Write(bytes.TrimPrefix(p, []byte("-")))
	return len(p), err
}

// completesDash reports whether the shell asks for completions of a word that begins with a single dash.
func completesDash(args []string) bool {
	last := args[max(0, len(args)-1):]
	return len(last) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) &&
		strings.HasPrefix(last[0], "-") && !strings.HasPrefix(last[0], "--")
}

// choices lets the shell complete the values of a flag.
func choices(c *cobra.Command, flag string, values []string) {
	c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// completeFiles lets the shell complete arguments to files with an extension.
func completeFiles(extensions ...cobra.Completion) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// placeholders moves the names of the values, as in "`RATE`: learning rate", from the flags' usage, which the shell also
// shows, into an annotation, which placeholder returns.
func placeholders(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		c.Flags().SetAnnotation(f.Name, "value", []string{value})
		f.Usage = strings.TrimPrefix(usage, value+": ")
	})
}

func placeholder(f *pflag.Flag) string { return strings.Join(f.Annotations["value"], "") }
