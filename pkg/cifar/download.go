package cifar

import (
	"context"
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

	"nndl.example/resnet18/pkg/internal/atomicfile"
)

// A download is the download of one official archive.
type download struct {
	official
	url      string
	path     string        // of the result; path.part until it is complete and checked
	stall    time.Duration // how long to wait for data
	every    time.Duration // interval between progress messages
	progress io.Writer
}

// errRestart means that the partial download is unusable.
var errRestart = errors.New("cannot be resumed")

// run downloads the archive. A partial download of an earlier run is resumed; if the result has the wrong checksum, the
// download is repeated once from the start.
func (d download) run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(d.path), 0o755); err != nil {
		return err
	}
	part := d.path + ".part"
	err := d.resume(ctx, part)
	if errors.Is(err, errRestart) {
		fmt.Fprintf(d.progress, "CIFAR-10: the partial download %v; starting over\n", err)
		if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = d.fetchAndCheck(ctx, part)
	}
	if size, _ := fileSize(part); err != nil && ctx.Err() == nil && size >= d.size {
		os.Remove(part) // complete, but wrong
	}
	if err != nil {
		return err
	}
	if err := os.Rename(part, d.path); err != nil {
		return err
	}
	atomicfile.SyncDir(filepath.Dir(d.path))
	return nil
}

// resume continues a partial download. It returns errRestart if the result is wrong, which may be the fault of the old
// part.
func (d download) resume(ctx context.Context, part string) error {
	before, _ := fileSize(part)
	err := d.fetchAndCheck(ctx, part)
	if before > 0 && errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("%w: %w", errRestart, err)
	}
	return err
}

func (d download) fetchAndCheck(ctx context.Context, part string) error {
	if err := d.fetch(ctx, part); err != nil {
		return err
	}
	return d.checkContent(ctx, part)
}

func fileSize(name string) (int64, error) {
	stamp, err := stampFile(name)
	return stamp.Size, err
}

// client gives up soon if the server cannot be reached, and leaves the archive gzipped.
var client = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	TLSHandshakeTimeout:   5 * time.Second,
	ResponseHeaderTimeout: 10 * time.Second,
	DisableCompression:    true,
}}

// fetch appends the missing bytes to part.
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
	response, err := d.request(ctx, have)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if have, err = d.accept(response, have); err != nil {
		return err
	}
	f, err := openAt(part, have)
	if err != nil {
		return err
	}
	defer f.Close() // for the early returns; a second Close does no harm
	n, err := d.copyBody(f, response.Body, have, cancel)
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

// request asks for the archive from byte have on.
func (d download) request(ctx context.Context, have int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return nil, err
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	return client.Do(request)
}

// openAt opens a file to write from byte offset on; 0 drops what is in it.
func openAt(name string, offset int64) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if offset == 0 {
		err = f.Truncate(0)
	} else {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// copyBody copies the rest of the archive and reports progress. It cancels the request if the server stalls.
func (d download) copyBody(w io.Writer, from io.Reader, have int64, cancel context.CancelCauseFunc) (int64, error) {
	stalled := time.AfterFunc(d.stall, func() {
		cancel(fmt.Errorf("%s: no data for %v", d.url, d.stall))
	})
	defer stalled.Stop()
	m := newMeter(d, have)
	body := readerFunc(func(b []byte) (int, error) {
		stalled.Reset(d.stall)
		n, err := from.Read(b)
		m.add(n)
		return n, err
	})
	// One byte more than wanted shows that the server sends too much.
	return io.Copy(w, io.LimitReader(body, d.size-have+1))
}

// accept checks the header of the response and returns the offset at which its body begins.
func (d download) accept(response *http.Response, have int64) (int64, error) {
	switch response.StatusCode {
	case http.StatusOK:
		have = 0 // the server does not support ranges
	case http.StatusPartialContent:
		got := response.Header.Get("Content-Range")
		want := fmt.Sprintf("bytes %d-%d/%d", have, d.size-1, d.size)
		if got != want {
			return 0, fmt.Errorf("%w: the server sends %q, want %q", errRestart, got, want)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, fmt.Errorf("%w: the server has no such range", errRestart)
	default:
		return 0, fmt.Errorf("%s: HTTP status %q, want \"200 OK\"", d.url, response.Status)
	}
	if kind := response.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/") {
		return 0, fmt.Errorf("%s: the server sends a web page (%s), want an archive; this network may"+
			" require a log-in", d.url, kind)
	}
	if n := response.ContentLength; n >= 0 && have+n != d.size {
		return 0, fmt.Errorf("%s: the server offers %d bytes, want %d", d.url, have+n, d.size)
	}
	return have, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// A meter reports the progress of a download.
type meter struct {
	download
	begin, done int64 // bytes at the start and now
	start, last time.Time
}

func newMeter(d download, have int64) *meter {
	if have > 0 {
		fmt.Fprintf(d.progress, "CIFAR-10: resuming the download of %s at %.1f of %.1f MB\n",
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
