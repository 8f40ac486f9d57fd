package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/local/page"
)

// servePage serves the page of a world on loopback, until it is closed, and
// returns its address.
func servePage(w *emulator.World, port int) (address string, closePage func(), err error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // the caller closes it
	if err != nil {
		return "", nil, fmt.Errorf("serving the page: %w", err)
	}
	server := &http.Server{Handler: page.New(w, w.Chat), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = server.Close() }, nil
}
