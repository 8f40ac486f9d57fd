package step

import (
	"regexp"
	"strings"
	"testing"

	"lakegate/lambda/internal/document"
)

// The name of a session fits STS, begins as ours do, and tells workspace and
// execution as far as there is room.
func TestSessionName(t *testing.T) {
	t.Parallel()
	fits := regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	long := strings.Repeat("w", 32)
	for _, test := range []struct{ workspace, execution, want string }{
		{"tokyo", "tokyo-5824d96210ad", "lakegate-tokyo-5824d96210ad"},
		{long, long + "-5824d96210ad", "lakegate-" + long + "-5824d96210ad"},
		{"tokyo", "plan", "lakegate-tokyo-plan"},
		{"tokyo", "tokyo-by hand: again", "lakegate-tokyo-by-hand--again"},
		{"tokyo", "tokyo-" + strings.Repeat("x", 74), "lakegate-tokyo-" + strings.Repeat("x", 49)},
		{"tokyo", "東京", "lakegate-tokyo---"},
	} {
		got := sessionName(&document.Document{Workspace: test.workspace, Execution: document.Execution{Name: test.execution}})
		if got != test.want || !fits.MatchString(got) {
			t.Errorf("the session of %s is %q, want %q", test.execution, got, test.want)
		}
	}
}
