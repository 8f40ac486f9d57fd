package wire_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/wire"
)

// call asks a hub for one call and says whether it was served.
func call(hub *wire.Hub, service, action, region string) bool {
	reply := hub.Do(&wire.Call{Service: service, Action: action, Region: region, Time: hub.Clock.Now()}, true,
		func() *wire.Response { return &wire.Response{Status: http.StatusOK} },
		func(e *wire.Error) *wire.Response { return &wire.Response{Status: e.Status} })
	return reply.Status == http.StatusOK
}

// In any stretch of time no more calls are served than the bucket held and was
// given, and one that it has a token for is never refused.
func TestBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		begin := time.Unix(0, 0)
		c := clock.NewVirtual(begin)
		hub := wire.NewHub(c)
		burst, perSecond := float64(rapid.IntRange(1, 10).Draw(t, "burst")), rapid.Float64Range(0.1, 20).Draw(t, "rate")
		hub.Enforce([]wire.Limit{{Service: "things", Burst: burst, PerSecond: perSecond}})
		type served struct{ at time.Time }
		var all []served
		tokens, last := burst, begin
		for range rapid.IntRange(1, 80).Draw(t, "calls") {
			pass(c, time.Duration(rapid.IntRange(0, 3000).Draw(t, "milliseconds"))*time.Millisecond)
			now := c.Now()
			tokens, last = min(burst, tokens+now.Sub(last).Seconds()*perSecond), now
			was := call(hub, "things", "Make", "here")
			if was != (tokens >= 1) {
				t.Fatalf("with %.3f tokens: served %t", tokens, was)
			}
			if was {
				tokens--
				all = append(all, served{now})
			}
		}
		for i := range all {
			for j := i; j < len(all); j++ {
				if most := burst + all[j].at.Sub(all[i].at).Seconds()*perSecond; float64(j-i+1) > most+1e-6 {
					t.Fatalf("%d calls are served in %s, at most %.2f may be", j-i+1, all[j].at.Sub(all[i].at), most)
				}
			}
		}
	})
}

// pass lets time pass on a virtual clock.
func pass(c *clock.Clock, d time.Duration) {
	done := make(chan struct{})
	c.After(d, func() { close(done) })
	<-done
}

// The particular stands before the general; regions, and actions if each has a
// bucket, do not share.
func TestLimitsBeside(t *testing.T) {
	t.Parallel()
	hub := wire.NewHub(clock.NewVirtual(time.Unix(0, 0)))
	hub.Lean = true
	hub.Enforce([]wire.Limit{
		{Service: "things", Actions: []string{"MakeLarge", "MakeHuge"}, Burst: 1},
		{Service: "things", Actions: []string{"Make*"}, Each: true, Burst: 2},
	})
	for _, c := range []struct {
		action, region string
		served         bool
	}{
		{"MakeLarge", "here", true}, {"MakeHuge", "here", false}, {"MakeLarge", "there", true},
		{"MakeSmall", "here", true}, {"MakeSmall", "here", true}, {"MakeSmall", "here", false}, {"MakeTiny", "here", true},
		{"Look", "here", true}, {"Look", "here", true}, {"Look", "here", true},
	} {
		if was := call(hub, "things", c.action, c.region); was != c.served {
			t.Errorf("%+v: served %t", c, was)
		}
	}
	if !call(hub, "others", "MakeLarge", "here") {
		t.Error("a limit is for another service")
	}
	type use struct {
		Region, Action    string
		Served, Throttled int
	}
	var got []use
	for _, u := range hub.Uses() {
		got = append(got, use{u.Region, u.Action, u.Served, u.Throttled})
	}
	want := []use{{"here", "", 1, 1}, {"there", "", 1, 0}, {"here", "MakeSmall", 2, 1}, {"here", "MakeTiny", 1, 0}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
	if n := len(hub.Calls()); n > 0 {
		t.Errorf("%d calls are kept", n)
	}
}
