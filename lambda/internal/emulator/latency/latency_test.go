package latency_test

import (
	"testing"

	"pgregory.net/rapid"

	"lakegate/lambda/internal/emulator/latency"
)

// A duration depends on seed, kind and key alone, and is within 40 % of what is
// usual.
func TestDraw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed, key := rapid.Uint64().Draw(t, "seed"), rapid.String().Draw(t, "key")
		for kind, usual := range latency.Usual {
			s := latency.NewSource(seed)
			s.Draw(kind, "another")
			d := s.Draw(kind, key)
			if d < usual*6/10-1 || d > usual*14/10+1 {
				t.Fatalf("%s takes %s, usually %s", kind, d, usual)
			}
			if again := latency.NewSource(seed).Draw(kind, key); again != d {
				t.Fatalf("%s takes %s and %s", kind, d, again)
			}
			if s.Drawn(kind)[key] != d {
				t.Fatalf("%s is not remembered", kind)
			}
		}
	})
}
