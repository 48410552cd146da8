// Package userpath reads paths from settings, which no shell has expanded.
package userpath

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// FromEnv returns the path in an environment variable, or "" if it is not set. It removes quotes around the path and replaces a
// leading ~ by the home folder. A relative path is relative to the working folder and, in the cells of a notebook, to the
// notebook's project, where the user has set the variable: both are the same place. A URL is an error.
func FromEnv(name string) (string, error) {
	path, err := Clean(os.Getenv(name))
	if err != nil {
		return "", fmt.Errorf("%s is %w", name, err)
	}
	notebooks := os.Getenv("GONB_DIR") // set by GoNB to the notebook's folder
	if path == "" || filepath.IsAbs(path) || notebooks == "" {
		return path, nil
	}
	return filepath.Join(filepath.Dir(notebooks), path), nil
}

// Clean removes quotes around a path and replaces a leading ~ by the home folder. A URL is an error.
func Clean(path string) (string, error) {
	path = strings.TrimSpace(path)
	if n := len(path); n > 1 && strings.ContainsRune(`"'`, rune(path[0])) && path[n-1] == path[0] {
		path = path[1 : n-1]
	}
	if IsURL(path) {
		return "", fmt.Errorf("the URL %s, want a path: download the file first", path)
	}
	rest, found := strings.CutPrefix(filepath.ToSlash(path), "~/")
	if !found && path != "~" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%s, but there is no home folder: %w", path, err)
	}
	if !found { // the path is ~
		return home, nil
	}
	return filepath.Join(home, rest), nil
}

// IsURL reports whether a text is a URL rather than a path.
func IsURL(text string) bool {
	scheme, _, found := strings.Cut(text, "://")
	return found && len(scheme) > 1 && strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+") == ""
}
