package slot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/slot"
	"lakegate/lambda/plan"
)

// bucket is the state bucket with its one object.
type bucket struct {
	awsapi.Objects
	body    []byte
	version int
	// overtake is what somebody else does before the next writes.
	overtake []func()
	// err is the answer to everything.
	err error
}

func (b *bucket) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.version == 0 {
		return nil, &smithy.GenericAPIError{Code: "NoSuchKey"}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(b.body)), ETag: aws.String(strconv.Itoa(b.version))}, nil
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if len(b.overtake) > 0 {
		other := b.overtake[0]
		b.overtake = b.overtake[1:]
		other()
	}
	fits := in.IfNoneMatch != nil && b.version == 0 || in.IfMatch != nil && *in.IfMatch == strconv.Itoa(b.version)
	if !fits {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	b.body, b.version = body, b.version+1
	return &s3.PutObjectOutput{}, nil
}

func (b *bucket) places(t interface{ Fatal(...any) }) []string {
	var line slot.Line
	if err := json.Unmarshal(b.body, &line); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range line.Places {
		out = append(out, p.Execution)
	}
	return out
}

var start = time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)

// lot is a store with its bucket, its time and the executions that run.
type lot struct {
	*slot.Store
	bucket *bucket
	now    time.Time
	runs   map[string]bool
	asked  int
}

func newLot(slots int) *lot {
	l := &lot{bucket: &bucket{}, now: start, runs: map[string]bool{}}
	l.Store = &slot.Store{
		Objects: func() awsapi.Objects { return l.bucket }, Bucket: "state", Slots: slots, Now: func() time.Time { return l.now },
	}
	return l
}

func (l *lot) running(_ context.Context, execution string) (bool, error) {
	l.asked++
	return l.runs[execution], nil
}

// However executions come, end and die: never more than the slots have one, who
// came first is served first, and all are served, also when those before them
// died without a word.
func TestSlots(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		l := newLot(rapid.IntRange(1, 4).Draw(t, "slots"))
		pools := []string{"a", "b"}
		total := rapid.IntRange(1, 20).Draw(t, "executions")
		pool := map[string]string{}
		// came are those that stand in line or have a slot, in the order in which they came.
		var came []string
		holds := map[string]bool{}
		var take func(x string)
		take = func(x string) {
			asked := l.asked
			ahead, err := l.Take(ctx, pool[x], x, l.running)
			if err != nil {
				t.Fatal(err)
			}
			if l.asked-asked > 3 {
				t.Fatalf("%d executions are asked about at one look", l.asked-asked)
			}
			if ahead > 0 {
				if holds[x] {
					t.Fatalf("%s has lost its slot", x)
				}
				return
			}
			if !holds[x] {
				holds[x] = true
				for _, y := range came[:slices.Index(came, x)] {
					if pool[y] != pool[x] || holds[y] {
						continue
					}
					if take(y); !holds[y] {
						t.Fatalf("%s has a slot, and %s, which came before it, has none", x, y)
					}
				}
			}
			used := map[string]int{}
			for h := range holds {
				if l.runs[h] {
					used[pool[h]]++
				}
			}
			if used[pool[x]] > l.Slots {
				t.Fatalf("%d executions of pool %s have one of %d slots", used[pool[x]], pool[x], l.Slots)
			}
		}
		end := func(x string, says bool) {
			l.runs[x] = false
			delete(holds, x)
			came = slices.DeleteFunc(came, func(other string) bool { return other == x })
			if says {
				if err := l.Release(ctx, x); err != nil {
					t.Fatal(err)
				}
			}
		}
		arrive := func() {
			x := fmt.Sprintf("x%d", len(pool))
			pool[x], l.runs[x] = rapid.SampledFrom(pools).Draw(t, "pool"), true
			came = append(came, x)
			take(x)
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			l.now = l.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
			switch rapid.SampledFrom([]string{"arrive", "look", "end", "die"}).Draw(t, "step") {
			case "arrive":
				if len(pool) < total {
					arrive()
				}
			case "look":
				if len(came) > 0 {
					take(rapid.SampledFrom(came).Draw(t, "who"))
				}
			case "end":
				if len(came) > 0 {
					end(rapid.SampledFrom(came).Draw(t, "who"), true)
				}
			case "die":
				if len(came) > 0 {
					end(rapid.SampledFrom(came).Draw(t, "who"), false)
				}
			}
		}
		// Nothing comes any more: all look in turn, and those with a slot end.
		for round := 0; len(came) > 0; round++ {
			if round > 200 {
				t.Fatalf("%v are never served, in line are %v", came, l.bucket.places(t))
			}
			l.now = l.now.Add(10 * time.Second)
			for _, x := range slices.Clone(came) {
				if take(x); holds[x] {
					end(x, true)
				}
			}
		}
	})
}

// Turns of a lane are as far apart as they take; who takes of two waits for both,
// and holds up neither; one that nobody booked in time is not made up for.
func TestTurns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		l := newLot(1)
		next := map[string]time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "bookings") {
			l.now = l.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "seconds")) * time.Second)
			takes := map[string]time.Duration{}
			for _, lane := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"here", "there", "all"}), 0, 2, rapid.ID[string]).Draw(t, "lanes") {
				takes[lane] = time.Duration(rapid.IntRange(1, 20).Draw(t, "takes")) * time.Second
			}
			turn, err := l.Book(ctx, takes)
			if err != nil {
				t.Fatal(err)
			}
			want := l.now
			for lane, d := range takes {
				at := l.now
				if next[lane].After(at) {
					at = next[lane]
				}
				if at.After(want) {
					want = at
				}
				next[lane] = at.Add(d)
			}
			if !turn.Equal(want) {
				t.Fatalf("the turn is %s, want %s", turn, want)
			}
		}
	})
}

// Who is overtaken has done nothing, and may try again.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	ctx, l := t.Context(), newLot(1)
	other := func() {
		if _, err := l.Take(ctx, "a", "other", l.running); err != nil {
			t.Fatal(err)
		}
	}
	l.bucket.overtake = []func(){other}
	_, err := l.Take(ctx, "a", "mine", l.running)
	if !slot.IsOvertaken(err) || !failure.Is(err, plan.Transient) {
		t.Fatalf("taking a slot: %v", err)
	}
	if got := l.bucket.places(t); !slices.Equal(got, []string{"other"}) {
		t.Fatalf("in line are %v", got)
	}
	l.bucket.overtake = []func(){func() { l.bucket.version++ }}
	if _, err := l.Book(ctx, map[string]time.Duration{"here": time.Second}); !slot.IsOvertaken(err) {
		t.Fatalf("booking a turn: %v", err)
	}
	// Leaving is tried again at once, but not for ever.
	l.bucket.overtake = []func(){func() { l.bucket.version++ }, func() { l.bucket.version++ }}
	if err := l.Release(ctx, "other"); err != nil || len(l.bucket.places(t)) > 0 {
		t.Fatalf("leaving: %v, in line are %v", err, l.bucket.places(t))
	}
	other()
	for range 20 {
		l.bucket.overtake = append(l.bucket.overtake, func() { l.bucket.version++ })
	}
	if err := l.Release(ctx, "other"); !failure.Is(err, plan.Transient) {
		t.Fatalf("leaving against many: %v", err)
	}
}

// Who stands in front asks about those who have slots, all ask about the one
// before them.
func TestFewLook(t *testing.T) {
	t.Parallel()
	ctx, l := t.Context(), newLot(1)
	for i := range 10 {
		x := strconv.Itoa(i)
		l.runs[x] = true
		before := l.asked
		ahead, err := l.Take(ctx, "a", x, l.running)
		if err != nil || ahead != i {
			t.Fatalf("%d stand before number %d: %v", ahead, i, err)
		}
		want := 1
		switch i {
		case 0:
			want = 0
		case 2, 3:
			want = 2
		}
		if asks := l.asked - before; asks != want {
			t.Errorf("number %d asks about %d", i, asks)
		}
	}
}

// Without a bound nobody is written down, and what fails is said.
func TestNoBoundAndNoBucket(t *testing.T) {
	t.Parallel()
	l := newLot(0)
	if ahead, err := l.Take(t.Context(), "a", "x", l.running); ahead != 0 || err != nil || l.bucket.version != 0 {
		t.Errorf("without a bound: %d, %v", ahead, err)
	}
	broken := errors.New("broken")
	l = newLot(1)
	l.bucket.err = broken
	_, err := l.Take(t.Context(), "a", "x", l.running)
	_, err2 := l.Book(t.Context(), map[string]time.Duration{"here": time.Second})
	if err3 := l.Release(t.Context(), "x"); !errors.Is(err, broken) || !errors.Is(err2, broken) || !errors.Is(err3, broken) {
		t.Errorf("without a bucket: %v, %v, %v", err, err2, err3)
	}
	l = newLot(1)
	l.bucket.body, l.bucket.version = []byte("?"), 1
	if _, err := l.Take(t.Context(), "a", "x", l.running); err == nil {
		t.Error("what cannot be read is taken for empty")
	}
	// It is not known whether the one who has the slot runs.
	l = newLot(1)
	if _, err := l.Take(t.Context(), "a", "x", l.running); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Take(t.Context(), "a", "y", func(context.Context, string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("not knowing who runs: %v", err)
	}
}
