package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/site"
)

func get(t *testing.T, handler http.Handler, target string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Result()
}

// Every file of site/ is in the program, is served unchanged and has a type that browsers accept with nosniff.
func TestServeEveryFile(t *testing.T) {
	t.Parallel()
	folder, handler := os.DirFS("../../site"), pages(site.Files)
	served := 0
	require.NoError(t, fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) == ".go" {
			return err
		}
		want, err := fs.ReadFile(folder, name)
		require.NoError(t, err)
		target := "/" + name
		if path.Base(name) == "index.html" {
			target = "/" + path.Dir(name) + "/"
			if path.Dir(name) == "." {
				target = "/"
			}
		}
		response := get(t, handler, target)
		require.Equal(t, http.StatusOK, response.StatusCode, target)
		got, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), target)
		require.Equal(t, mimeTypes[path.Ext(name)], response.Header.Get("Content-Type"), target)
		served++
		return nil
	}))
	require.Greater(t, served, 50)
}

func TestServeTypes(t *testing.T) {
	t.Parallel()
	handler := pages(fstest.MapFS{"program.wasm": {Data: []byte("\x00asm")}, "list/a.html": {}, "list/SITE.JS": {Data: []byte("1")}})
	require.Equal(t, "application/wasm", get(t, handler, "/program.wasm").Header.Get("Content-Type"))
	require.Equal(t, "text/javascript", get(t, handler, "/list/SITE.JS").Header.Get("Content-Type"))
	for _, missing := range []string{"/", "/list/", "/list", "/none", "/list/../../serve.go"} {
		response := get(t, handler, missing)
		if response.StatusCode == http.StatusTemporaryRedirect || response.StatusCode == http.StatusMovedPermanently { // the path cleaned
			response = get(t, handler, response.Header.Get("Location"))
		}
		require.Equal(t, http.StatusNotFound, response.StatusCode, missing)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/program.wasm", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
}

// It listens on the loopback, on another port if the default's is taken, and ends without an error.
func TestServeListens(t *testing.T) {
	t.Parallel()
	if taken, err := net.Listen("tcp", defaultAddress); err == nil {
		defer taken.Close()
	}
	reader, writer := io.Pipe()
	var warnings bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- (&app{out: writer, err: &warnings, addr: defaultAddress}).runServe(ctx, false)
		writer.Close()
	}()
	said := make([]byte, 1000)
	n, err := reader.Read(said)
	require.NoError(t, err)
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).Find(said[:n])
	require.NotNil(t, address, string(said[:n]))
	require.NotContains(t, string(address), defaultAddress)
	response, err := http.Get(string(address))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	stop()
	require.NoError(t, <-done)
	require.Empty(t, warnings.String())
}

// A taken port that the user chose is an error.
func TestServeTakenPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	address := taken.Addr().String()
	code, out, message := call("serve", "-addr", address)
	require.Equal(t, 1, code)
	require.Empty(t, out)
	require.Contains(t, message, "serve: -addr "+address)
	require.Contains(t, message, "in use")
}
