package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/site"
)

// defaultAddress is on the loopback: other machines cannot reach it.
const defaultAddress = "127.0.0.1:5518"

// mimeTypes are set here because on Windows the registry, which programs change, would decide.
var mimeTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg",
	".js":   "text/javascript", // without a charset: the page's packed files are UTF-16, as their first two bytes say
	".wasm": "application/wasm", ".pdf": "application/pdf", ".ipynb": "application/x-ipynb+json",
}

func (a *app) serve() *cobra.Command {
	c := &cobra.Command{
		Use: "serve [flags]", Short: "Show the course in a browser, with the network in the page.", Args: arguments(0, 0, "none"),
		Long: `Serves the course's pages, English and Chinese, from this program, until Ctrl-C. On one of them the network looks at your
pictures: it runs in the browser, and no picture leaves it. Only this computer can open the pages, unless -addr says otherwise.`,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.runServe(ctx, c.Flags().Changed("addr"))
		},
	}
	flags(c).StringVar(&a.addr, "addr", defaultAddress, "`HOST:PORT`: where to listen; port 0 is any free one, as is the default's if it is taken")
	return c
}

// runServe serves until the context ends.
func (a *app) runServe(ctx context.Context, chosen bool) error {
	listener, err := net.Listen("tcp", a.addr)
	if err != nil && !chosen {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return fmt.Errorf("serve: -addr %s: %w", a.addr, err)
	}
	fmt.Fprintf(a.out, "The course:           http://%s/\nThe network answers:  http://%[1]s/en/try.html\nCtrl-C ends.\n", listener.Addr())
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		fmt.Fprintln(a.err, "resnet18: every computer that can reach this one can open the pages")
	}
	server := &http.Server{Handler: pages(site.Files), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// pages serves files, but lists no folders.
func pages(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		name := path.Clean("." + r.URL.Path)
		if info, err := fs.Stat(files, name); err == nil && info.IsDir() {
			if _, err := fs.Stat(files, path.Join(name, "index.html")); err != nil {
				http.NotFound(w, r)
				return
			}
		}
		if kind, ok := mimeTypes[strings.ToLower(path.Ext(name))]; ok {
			w.Header().Set("Content-Type", kind)
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		server.ServeHTTP(w, r)
	})
	return mux
}
