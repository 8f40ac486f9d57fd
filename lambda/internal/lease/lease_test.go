package lease_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/s3"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/lease"
	"lakegate/lambda/plan"
)

// cleaner is what testing.T and rapid.T share.
type cleaner interface{ Cleanup(func()) }

func newStore(t cleaner) *lease.Store {
	c := clock.NewVirtual(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	hub := wire.NewHub(c)
	buckets := s3.New(hub, "123456789012", nil)
	buckets.Add(s3.Bucket{Name: "state", Region: "eu-west-1"})
	router := wire.NewRouter(hub)
	router.Serve(buckets.Wire())
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	clients := awsapi.NewClients(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL),
		HTTPClient:  &http.Client{Transport: wire.Buffered{}},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	return &lease.Store{Objects: clients.Objects, Bucket: "state", Now: c.Now}
}

// runs says which executions run.
type runs map[string]bool

func (r runs) running(_ context.Context, arn string) (bool, error) { return r[arn], nil }

func TestHandOver(t *testing.T) {
	t.Parallel()
	ctx, s, r := t.Context(), newStore(t), runs{"a": true, "b": true}
	first, holder, err := s.Acquire(ctx, "tokyo", "a", r.running)
	if err != nil || holder != "" || first.Generation != 1 {
		t.Fatalf("a free lease: %+v, held by %q, %v", first, holder, err)
	}
	again, holder, err := s.Acquire(ctx, "tokyo", "a", r.running)
	if err != nil || holder != "" || again.Generation != 1 {
		t.Fatalf("its own lease: %+v, held by %q, %v", again, holder, err)
	}
	if err := s.Check(ctx, "tokyo", "a", 1); err != nil {
		t.Fatalf("the holder may not act: %v", err)
	}
	// A newer execution has to wait, and the older one stops at its next step.
	if _, holder, err = s.Acquire(ctx, "tokyo", "b", r.running); err != nil || holder != "a" {
		t.Fatalf("a held lease: held by %q, %v", holder, err)
	}
	if err := s.Check(ctx, "tokyo", "a", 1); !failure.Is(err, plan.Superseded) {
		t.Fatalf("the older execution goes on: %v", err)
	}
	r["a"] = false
	next, holder, err := s.Acquire(ctx, "tokyo", "b", r.running)
	if err != nil || holder != "" || next.Generation != 2 {
		t.Fatalf("the lease of an execution that ended: %+v, held by %q, %v", next, holder, err)
	}
	// A redrive of the older one does nothing, also when the newer one is done.
	if err := s.Check(ctx, "tokyo", "a", 1); !failure.Is(err, plan.Superseded) {
		t.Fatalf("the older execution goes on: %v", err)
	}
	if err := s.Release(ctx, "tokyo", "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(ctx, "tokyo", "b", 2); err != nil {
		t.Fatalf("a release by another execution freed the lease: %v", err)
	}
	if err := s.Release(ctx, "tokyo", "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(ctx, "tokyo", "a", 1); !failure.Is(err, plan.Superseded) {
		t.Fatalf("the older execution goes on: %v", err)
	}
	// A redrive of the newest one takes its lease again.
	if err := s.Check(ctx, "tokyo", "b", 2); err != nil {
		t.Fatalf("a redrive may not act: %v", err)
	}
	if _, holder, err := s.Acquire(ctx, "tokyo", "c", r.running); err != nil || holder != "b" {
		t.Fatalf("the lease that was taken again: held by %q, %v", holder, err)
	}
}

// However executions start, end, are redriven and release: of those that may
// act there is never more than one.
func TestOneHolder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ctx, s, r := context.Background(), newStore(t), runs{}
		names := []string{"a", "b", "c"}
		generation := map[string]int{}
		for range rapid.IntRange(1, 25).Draw(t, "moves") {
			name := rapid.SampledFrom(names).Draw(t, "execution")
			switch rapid.SampledFrom([]string{"acquire", "end", "redrive"}).Draw(t, "move") {
			case "acquire":
				r[name] = true
				l, holder, err := s.Acquire(ctx, "tokyo", name, r.running)
				if err != nil {
					t.Fatal(err)
				}
				if holder == "" {
					generation[name] = l.Generation
				}
			case "end":
				r[name] = false
				if err := s.Release(ctx, "tokyo", name); err != nil {
					t.Fatal(err)
				}
			case "redrive":
				r[name] = true
			}
			var may []string
			for _, n := range names {
				if r[n] && generation[n] > 0 && s.Check(ctx, "tokyo", n, generation[n]) == nil {
					may = append(may, n)
				}
			}
			if len(may) > 1 {
				t.Fatalf("%v may act at the same time", may)
			}
		}
	})
}

// Whoever only looks waits for nobody and tells nobody to stop, also if another
// execution takes the lease between its look and its write.
func TestAcquireFree(t *testing.T) {
	t.Parallel()
	ctx, s, r := t.Context(), newStore(t), runs{"a": true, "b": true, "looks": true}
	if _, held, err := s.AcquireFree(ctx, "tokyo", "looks", r.running); err != nil || held != "" {
		t.Fatalf("a free lease: held by %q, %v", held, err)
	}
	if err := s.Release(ctx, "tokyo", "looks"); err != nil {
		t.Fatal(err)
	}
	first, _, err := s.Acquire(ctx, "tokyo", "a", r.running)
	if err != nil {
		t.Fatal(err)
	}
	if _, held, err := s.AcquireFree(ctx, "tokyo", "looks", r.running); err != nil || held != "a" {
		t.Fatalf("a held lease: held by %q, %v", held, err)
	}
	if err := s.Check(ctx, "tokyo", "a", first.Generation); err != nil {
		t.Fatalf("the holder may not act any more: %v", err)
	}
	r["a"] = false
	_, held, err := s.AcquireFree(ctx, "tokyo", "looks", func(_ context.Context, of string) (bool, error) {
		if _, _, err := s.Acquire(ctx, "tokyo", "b", r.running); err != nil {
			t.Fatal(err)
		}
		return r[of], nil
	})
	if failure.Code(err) != "PreconditionFailed" {
		t.Fatalf("a lease that was taken meanwhile: held by %q, %v", held, err)
	}
	if err := s.Check(ctx, "tokyo", "b", first.Generation+1); err != nil {
		t.Fatalf("who was faster may not act: %v", err)
	}
}
