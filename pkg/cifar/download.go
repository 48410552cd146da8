package cifar

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// official describes a published archive.
type official struct {
	md5  string
	size int64
}

// check reports whether a file is the published archive.
func (o official) check(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := md5.New()
	if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != o.md5 {
		return fmt.Errorf("%s has MD5 %s, the official archive has %s", name, sum, o.md5)
	}
	return nil
}

// contextReader ends with the context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// A download fetches one official archive.
type download struct {
	official
	url      string
	path     string        // where it goes; path.part until it is complete and checked
	stall    time.Duration // how long the server may send nothing
	every    time.Duration // between two lines of progress
	progress io.Writer
}

// errRestart asks for a new start from nothing: what is there cannot be continued.
var errRestart = errors.New("cannot be continued")

// run downloads the archive. A part that an earlier run has left is continued; if the whole does not
// have the right checksum then, it is fetched once from the start.
func (d download) run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(d.path), 0o755); err != nil {
		return err
	}
	part := d.path + ".part"
	before, _ := fileSize(part)
	err := d.fetch(ctx, part)
	if err == nil {
		err = d.check(ctx, part)
		if err != nil && before > 0 && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", errRestart, err)
		}
	}
	if errors.Is(err, errRestart) {
		fmt.Fprintf(d.progress, "CIFAR-10: the part of the download that was there %v; starting anew\n", err)
		if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err = d.fetch(ctx, part); err == nil {
			err = d.check(ctx, part)
		}
	}
	if size, _ := fileSize(part); err != nil && ctx.Err() == nil && size >= d.size {
		os.Remove(part) // all there, and wrong
	}
	if err != nil {
		return err
	}
	if err := os.Rename(part, d.path); err != nil {
		return err
	}
	syncFolder(filepath.Dir(d.path))
	return nil
}

func fileSize(name string) (int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// client gives up soon if the server cannot be reached, and leaves the archive gzipped.
var client = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	TLSHandshakeTimeout:   5 * time.Second,
	ResponseHeaderTimeout: 10 * time.Second,
	DisableCompression:    true,
}}

// fetch appends to part what is missing of it.
func (d download) fetch(ctx context.Context, part string) error {
	have, err := fileSize(part)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case have > d.size:
		return fmt.Errorf("%w: it has %d bytes, the official archive has %d", errRestart, have, d.size)
	case have == d.size:
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return err
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if have, err = d.accept(response, have); err != nil {
		return err
	}

	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close() // a second Close does no harm
	if have == 0 {
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	// The client has its own limits until the body comes.
	stalled := time.AfterFunc(d.stall, func() {
		cancel(fmt.Errorf("%s: the server has sent nothing for %v", d.url, d.stall))
	})
	defer stalled.Stop()
	m := newMeter(d, have)
	body := readerFunc(func(b []byte) (int, error) {
		stalled.Reset(d.stall)
		n, err := response.Body.Read(b)
		m.add(n)
		return n, err
	})
	// One byte more than wanted is enough to see that the server sends too much.
	n, err := io.Copy(f, io.LimitReader(body, d.size-have+1))
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return errors.Join(err, f.Sync())
	}
	if have+n != d.size {
		return fmt.Errorf("%s: got %d bytes, want %d", d.url, have+n, d.size)
	}
	return errors.Join(f.Sync(), f.Close())
}

// accept looks at the server's answer and returns at which byte its body begins.
func (d download) accept(response *http.Response, have int64) (int64, error) {
	switch response.StatusCode {
	case http.StatusOK:
		have = 0 // the server does not continue downloads
	case http.StatusPartialContent:
		came := response.Header.Get("Content-Range")
		want := fmt.Sprintf("bytes %d-%d/%d", have, d.size-1, d.size)
		if came != want {
			return 0, fmt.Errorf("%w: the server sends %q, want %q", errRestart, came, want)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, fmt.Errorf("%w: the server has no such range", errRestart)
	default:
		return 0, fmt.Errorf("%s: the server answers %q, want \"200 OK\"", d.url, response.Status)
	}
	if kind := response.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/") {
		return 0, fmt.Errorf("%s: the server sends a web page (%s), want an archive; perhaps this network"+
			" wants a log-in", d.url, kind)
	}
	if n := response.ContentLength; n >= 0 && have+n != d.size {
		return 0, fmt.Errorf("%s: the server has %d bytes, want %d", d.url, have+n, d.size)
	}
	return have, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// A meter reports how far a download is.
type meter struct {
	download
	begin, done int64 // bytes at the start and now
	start, last time.Time
}

func newMeter(d download, have int64) *meter {
	if have > 0 {
		fmt.Fprintf(d.progress, "CIFAR-10: continuing the download of %s at %.1f of %.1f MB\n",
			d.url, float64(have)/1e6, float64(d.size)/1e6)
	} else {
		fmt.Fprintf(d.progress, "CIFAR-10: downloading %s, %.1f MB\n", d.url, float64(d.size)/1e6)
	}
	now := time.Now()
	return &meter{download: d, begin: have, done: have, start: now, last: now}
}

func (m *meter) add(n int) {
	m.done += int64(n)
	now := time.Now()
	if n == 0 || now.Sub(m.last) < m.every && m.done != m.size {
		return
	}
	m.last = now
	rate := float64(m.done-m.begin) / max(now.Sub(m.start).Seconds(), 1e-3) // bytes per second
	left := time.Duration(float64(m.size-m.done) / rate * float64(time.Second))
	fmt.Fprintf(m.progress, "CIFAR-10: %.1f of %.1f MB (%d %%), %.1f MB/s, %v left\n",
		float64(m.done)/1e6, float64(m.size)/1e6, 100*m.done/m.size, rate/1e6, left.Round(time.Second))
}
