package userpath

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFromEnv(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	if found, _ := os.UserHomeDir(); found != home {
		t.Skip("another home folder on this system")
	}
	project := filepath.Join(t.TempDir(), "project")
	for _, test := range []struct{ text, terminal, cell string }{
		{"", "", ""},
		{"work2", "work2", filepath.Join(project, "work2")},
		{"../work2", "../work2", filepath.Join(filepath.Dir(project), "work2")},
		{filepath.Join(project, "w"), filepath.Join(project, "w"), filepath.Join(project, "w")},
		{"~", home, home},
		{"~/~backup", filepath.Join(home, "~backup"), filepath.Join(home, "~backup")},
		{"~/data/cifar", filepath.Join(home, "data", "cifar"), filepath.Join(home, "data", "cifar")},
		{`"~/my data"`, filepath.Join(home, "my data"), filepath.Join(home, "my data")},
		{"'work2'", "work2", filepath.Join(project, "work2")},
		{" work2\n", "work2", filepath.Join(project, "work2")},
		{"a~b", "a~b", filepath.Join(project, "a~b")},
	} {
		t.Setenv("A_PATH", test.text)
		t.Setenv("GONB_DIR", "")
		got, err := FromEnv("A_PATH")
		require.NoError(t, err, test.text)
		require.Equal(t, test.terminal, got, test.text)
		t.Setenv("GONB_DIR", filepath.Join(project, "notebooks"))
		got, err = FromEnv("A_PATH")
		require.NoError(t, err, test.text)
		require.Equal(t, test.cell, got, test.text)
	}
	for _, url := range []string{"https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", "file:///tmp/x", "s3://bucket/x"} {
		t.Setenv("A_PATH", url)
		_, err := FromEnv("A_PATH")
		require.EqualError(t, err, "A_PATH is the URL "+url+", want a path: download the file first")
	}
}

func TestIsURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"https://a/b": true, "HTTP://a": true, "git+ssh://x": true, "cat.jpg": false, `C:\a`: false, "a/b": false, "://": false, "my file://x": false} {
		require.Equal(t, want, IsURL(text), text)
	}
}
