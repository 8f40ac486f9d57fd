package main

import (
	"net/http"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator"
)

// The page is on loopback, and gone when it is closed.
func TestServePage(t *testing.T) {
	t.Parallel()
	w, err := emulator.Start(emulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	address, closePage, err := servePage(w, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Errorf("it is at %s", address)
	}
	look := func() (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		return reply.StatusCode, reply.Body.Close()
	}
	if status, err := look(); status != http.StatusOK || err != nil {
		t.Errorf("it answers %d, %v", status, err)
	}
	closePage()
	if _, err := look(); err == nil {
		t.Error("it answers after it was closed")
	}
}
