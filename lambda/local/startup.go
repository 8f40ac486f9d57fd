package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"lakegate/lambda/plan"
)

// startup builds the binary for this machine and measures how long it takes
// from its start to its first question to the Lambda runtime API.
func startup(ctx context.Context, row func(what, figure, aim string)) error {
	dir, err := os.MkdirTemp("", "lakegate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags=-s -w", "-o", binary, "./lambda") //nolint:gosec // our own arguments
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the binary: %w: %s", err, out)
	}
	var took []time.Duration
	for range 15 {
		d, err := firstPoll(ctx, binary)
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	row("bootstrap start to first poll of the runtime API ("+runtime.GOARCH+")",
		fmt.Sprintf("median %s, worst %s of %d", middle(took).Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond), len(took)), "under 40 ms")
	return nil
}

// firstPoll runs the binary under a runtime API that only notes when it is
// asked for the first invocation.
func firstPoll(ctx context.Context, binary string) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed below
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- time.Now():
		default:
		}
		<-r.Context().Done()
	})}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String(), plan.EnvStep + "=EnsureVpc", "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_LAMBDA_FUNCTION_NAME=bench",
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", binary, err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	select {
	case at := <-asked:
		return at.Sub(began), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s did not ask for an invocation: %w", binary, ctx.Err())
	}
}
