package cifar

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve starts a server and points o to it.
func serve(t testing.TB, o *origins, handler http.HandlerFunc) {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.site = server.URL + "/"
}

// sends serves an archive as a web server does, ranges included.
func sends(archive []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-gzip")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(archive))
	}
}

// findDownload runs Find with downloads allowed and returns its messages, too.
func findDownload(t testing.TB, o *origins, dir string) (Source, string) {
	var lines bytes.Buffer
	s, err := Find(t.Context(), FindOptions{Dir: dir, Download: true, Progress: &lines, origin: o})
	require.NoError(t, err)
	return s, lines.String()
}

func TestDownload(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	var asked atomic.Value
	serve(t, o, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path)
		sends(archive)(w, r)
	})
	dir := filepath.Join(t.TempDir(), "new")
	s, lines := findDownload(t, o, dir)
	path := filepath.Join(dir, "cifar-10-python.tar.gz")
	require.Equal(t, Source{path, Python, "downloaded"}, s)
	require.Equal(t, "the official CIFAR-10 archive "+path+" (downloaded, MD5 checked)", s.String())
	require.Equal(t, "/cifar-10-python.tar.gz", asked.Load())
	require.Contains(t, lines, "CIFAR-10: downloading "+o.site+"cifar-10-python.tar.gz")
	require.Regexp(t, `CIFAR-10: \d+\.\d of \d+\.\d MB \(100 %\), \d+\.\d MB/s, 0s left`, lines)
	require.Equal(t, []string{path}, listing(t, dir))

	s, lines = findDownload(t, o, dir)
	require.Equal(t, Source{path, Python, "found"}, s)
	require.Empty(t, lines)
}

// Another process may have the archive first: the partial download is then gone.
func TestDownloadedMeanwhile(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "cifar-10-python.tar.gz")
	serve(t, o, func(w http.ResponseWriter, r *http.Request) {
		write(t, path, archive)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	s, lines := findDownload(t, o, dir)
	require.Equal(t, Source{path, Python, "found"}, s)
	require.NotContains(t, lines, "failed")
}

// TestDownloadContinues starts with a part of the archive that an earlier run has left.
func TestDownloadContinues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		part   func(archive []byte) []byte
		server func(archive []byte) http.HandlerFunc // nil: sends
		ranges []string                              // that the client requests
		says   string
	}{
		{"half", func(a []byte) []byte { return a[:len(a)/2] }, nil, []string{"bytes=%d-"}, "resuming the download of"},
		{"all", func(a []byte) []byte { return a }, nil, nil, ""},
		{"nothing", func(a []byte) []byte { return nil }, nil, []string{""}, "downloading"},
		{"half of something else", func(a []byte) []byte { return make([]byte, len(a)/2) }, nil, []string{"bytes=%d-", ""}, "starting over"},
		{"all of something else", func(a []byte) []byte { return make([]byte, len(a)) }, nil, []string{""}, "starting over"},
		{"more than all", func(a []byte) []byte { return make([]byte, len(a)+1) }, nil, []string{""}, "starting over"},
		{"server without ranges", func(a []byte) []byte { return make([]byte, len(a)/2) }, func(a []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.Write(a) }
		}, []string{"bytes=%d-"}, "downloading"},
		{"server with other ranges", func(a []byte) []byte { return a[:len(a)/2] }, func(a []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					r.Header.Set("Range", "bytes=7-")
				}
				sends(a)(w, r)
			}
		}, []string{"bytes=%d-", ""}, `the server sends "bytes 7-`},
		{"server that refuses the range", func(a []byte) []byte { return a[:len(a)/2] }, func(a []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					return
				}
				sends(a)(w, r)
			}
		}, []string{"bytes=%d-", ""}, "the server has no such range; starting over"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o, archive := testOrigins(t)
			answer := sends(archive)
			if test.server != nil {
				answer = test.server(archive)
			}
			var ranges []string
			serve(t, o, func(w http.ResponseWriter, r *http.Request) {
				ranges = append(ranges, r.Header.Get("Range"))
				answer(w, r)
			})
			dir := t.TempDir()
			part := test.part(archive)
			write(t, filepath.Join(dir, "cifar-10-python.tar.gz.part"), part)
			s, lines := findDownload(t, o, dir)
			require.Equal(t, "downloaded", s.Origin, lines)
			require.Contains(t, lines, test.says)
			for i, want := range test.ranges {
				test.ranges[i] = strings.ReplaceAll(want, "%d", fmt.Sprint(len(part)))
			}
			require.Equal(t, test.ranges, ranges)
			got, err := os.ReadFile(s.Path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(archive, got))
			require.Equal(t, []string{s.Path}, listing(t, dir))
		})
	}
}

// TestDownloadFails uses servers that fail. Each time one line says why, and the embedded copy is used.
func TestDownloadFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		server func(archive []byte) http.HandlerFunc
		want   string
		keeps  bool // whether the part stays, for the next time
	}{
		{"no server", nil, "connection refused", false},
		{"404", func([]byte) http.HandlerFunc { return http.NotFound }, `HTTP status "404 Not Found", want "200 OK"`, false},
		{"log-in page", func([]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>log in</html>")) }
		}, "the server sends a web page (text/html; charset=utf-8), want an archive", false},
		{"wrong length", func([]byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("\x1f\x8b1234")) }
		}, "the server offers 6 bytes, want ", false},
		{"without length, too short", func(a []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.(http.Flusher).Flush()
				w.Write(a[:500])
			}
		}, "got 500 bytes, want", true},
		{"without length, too long", func(a []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/gzip")
				w.(http.Flusher).Flush()
				for range 100 {
					w.Write(a)
				}
			}
		}, " bytes, want ", false},
		{"wrong checksum", func(a []byte) http.HandlerFunc { return sends(append([]byte{0x1f, 0x8b, 9}, a[3:]...)) },
			" has MD5 ", false},
		{"breaks off", func(a []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(a)))
				w.Write(a[:len(a)/2])
			}
		}, "unexpected EOF", true},
		{"stalls", func(a []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(a)))
				w.Write(a[:len(a)/2])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
		}, "no data for 200ms", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o, archive := testOrigins(t)
			if test.server != nil {
				serve(t, o, test.server(archive))
			}
			if test.name == "stalls" {
				o.stall = 200 * time.Millisecond
			}
			dir := t.TempDir()
			s, lines := findDownload(t, o, dir)
			require.Equal(t, "embedded JPEG copy", s.Origin)
			require.Contains(t, lines, "CIFAR-10: download failed: ")
			require.Contains(t, lines, test.want)
			require.Contains(t, lines, "; using the embedded JPEG copy\n")
			part := filepath.Join(dir, "cifar-10-python.tar.gz.part")
			if !test.keeps {
				require.NoFileExists(t, part)
				return
			}
			require.FileExists(t, part)
			o.stall = time.Minute // this one must not fail on a busy machine
			serve(t, o, sends(archive))
			s, lines = findDownload(t, o, dir)
			require.Equal(t, "downloaded", s.Origin, lines)
			require.Contains(t, lines, "resuming")
		})
	}
}

func TestDownloadNowhere(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	serve(t, o, sends(archive))
	plain := write(t, filepath.Join(t.TempDir(), "plain"), []byte("x"))
	d := download{official: o.official[Python], url: o.site, path: filepath.Join(plain, "x"), progress: &bytes.Buffer{}}
	require.ErrorContains(t, d.run(t.Context()), plain)

	d.path = filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.MkdirAll(d.path+".part/x", 0o755))
	require.ErrorContains(t, d.run(t.Context()), "directory")
	d.url = "::"
	d.path = filepath.Join(t.TempDir(), "x")
	require.ErrorContains(t, d.run(t.Context()), "missing protocol scheme")
}

// A file of the archive's name that is another one is the user's, and is not replaced.
func TestDownloadReplacesNothing(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	serve(t, o, sends(archive))
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, Python.Archive()), []byte("mine"))
	s, lines := findDownload(t, o, dir)
	require.Equal(t, embeddedOrigin, s.Origin)
	require.Contains(t, lines, "not downloaded, because it would replace "+path)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(content))
}
