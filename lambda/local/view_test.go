package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"charm.land/bubbles/v2/spinner"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"lakegate/lambda/internal/emulator/asl"
)

// began is when the executions of the tests begin.
var began = time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)

// history is what an execution does, in the order of its events.
type history struct {
	follower *follower
	arn      string
	ids      map[string]int64
	last     int64
}

func (h *history) event(seconds int, kind, step string, details map[string]any) {
	h.last++
	h.follower.event(h.arn, asl.Event{
		ID: h.last, PreviousID: h.ids[step], Time: began.Add(time.Duration(seconds) * time.Second), Type: kind, Details: details,
	})
	h.ids[step] = h.last
}

func (h *history) enter(seconds int, step string) {
	h.event(seconds, "TaskStateEntered", step, map[string]any{"name": step})
}

func (h *history) exit(seconds int, step, outcome, reason string) {
	output := fmt.Sprintf(`{%q: {"outcome": %q, "reason": %q}}`, stepOf[step].Result, outcome, reason)
	h.event(seconds, "TaskStateExited", step, map[string]any{"name": step, "output": output})
}

// scene is a follower that has seen one execution at work and one that failed.
func scene() *follower {
	f := &follower{live: true, now: func() time.Time { return began.Add(90 * time.Second) }}
	on := func(name string) *history {
		return &history{follower: f, arn: "arn:aws:states:eu-west-1:123456789012:execution:make:" + name, ids: map[string]int64{}}
	}
	osaka, kobe := on("osaka-31677cb71df9"), on("kobe-bbc369186360")
	osaka.event(0, "ExecutionStarted", "", nil)
	kobe.event(1, "ExecutionStarted", "", nil)
	for _, step := range []string{"EnsureVpc", "EnsureRootBucket", "RegisterCredentials", "AwaitEndpoints"} {
		osaka.enter(2, step)
	}
	osaka.exit(3, "EnsureVpc", "Created", "東京の仮想ネットワークを作成しました。名前は東京です。")
	osaka.exit(9, "AwaitEndpoints", "Waiting", "vpce-0b73dd5756c6f779d pending")
	osaka.enter(20, "AwaitEndpoints")
	osaka.exit(21, "AwaitEndpoints", "Waiting", "vpce-0b73dd5756c6f779d pending")
	osaka.event(10, "LambdaFunctionScheduled", "RegisterCredentials", nil)
	osaka.event(10, "LambdaFunctionFailed", "RegisterCredentials", map[string]any{"error": "NotReady", "cause": `{"errorMessage": "creating credential configuration osaka"}`})
	kobe.enter(2, "EnsureSubnets")
	kobe.event(4, "LambdaFunctionFailed", "EnsureSubnets", map[string]any{"error": "Conflict", "cause": `{"errorMessage": "creating subnet kobe-1"}`})
	kobe.event(5, "ExecutionFailed", "", map[string]any{
		"error": "Conflict", "cause": `{"errorMessage": "creating subnet kobe-1: the block 10.0.1.0/24 is taken\n\nWhat to do: Choose another block, then push the spec again."}`,
	})
	return f
}

func TestView(t *testing.T) {
	t.Parallel()
	for _, size := range []tea.WindowSizeMsg{{Width: 100, Height: 40}, {Width: 40, Height: 40}, {Width: 40, Height: 10}, {Width: 16, Height: 3}} {
		t.Run(fmt.Sprintf("%dx%d", size.Width, size.Height), func(t *testing.T) {
			t.Parallel()
			f := scene()
			var model tea.Model = newView(f, stylesFor(colorprofile.Ascii))
			model, _ = model.Update(size)
			v := model.(view)
			below := strings.Split(v.View().Content, "\n")
			var above []string
			for _, l := range f.take() {
				above = append(above, v.rows(l)...)
			}
			for _, row := range slices.Concat(above, below) {
				if got := ansi.StringWidth(row); got > size.Width {
					t.Errorf("a row is %d wide: %q", got, row)
				}
			}
			if len(below) > 1+max(1, size.Height/2) {
				t.Errorf("the view has %d rows", len(below))
			}
			golden(t, fmt.Sprintf("testdata/view-%dx%d.txt", size.Width, size.Height),
				strings.Join(above, "\n")+"\n--- below\n"+strings.Join(below, "\n")+"\n")
		})
	}
}

func TestViewColours(t *testing.T) {
	t.Parallel()
	for profile, want := range map[colorprofile.Profile]bool{colorprofile.NoTTY: false, colorprofile.Ascii: false, colorprofile.ANSI: true, colorprofile.TrueColor: true} {
		v := newView(scene(), stylesFor(profile))
		if got := strings.Contains(v.View().Content, "\x1b["); got != want {
			t.Errorf("%v: colours %v, want %v", profile, got, want)
		}
	}
}

// What is done leaves the view, and a failure goes when it is redriven or
// another execution of the workspace begins.
func TestViewForgets(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:states:eu-west-1:123456789012:execution:make:"
	for name, e := range map[string]asl.Event{
		"kobe-bbc369186360": {Type: "ExecutionRedriven"}, "kobe-000000000001": {Type: "ExecutionStarted"},
	} {
		f := scene()
		v := newView(f, stylesFor(colorprofile.Ascii))
		if content := v.View().Content; !strings.Contains(content, "Conflict") || !strings.Contains(content, "What to do: Choose") {
			t.Errorf("the failure is not shown: %s", content)
		}
		e.Time = began.Add(time.Minute)
		f.event(arn+name, e)
		if content := v.View().Content; strings.Contains(content, "Conflict") {
			t.Errorf("%s: the failure is still shown: %s", e.Type, content)
		}
		f.event(arn+name, asl.Event{Type: "ExecutionSucceeded", Time: e.Time})
		if content := v.View().Content; strings.Contains(content, "kobe") {
			t.Errorf("%s: what is done is still shown: %s", e.Type, content)
		}
	}
}

// What came before the end is shown before the view ends.
func TestViewEnds(t *testing.T) {
	t.Parallel()
	f := scene()
	v := newView(f, stylesFor(colorprofile.Ascii))
	var model tea.Model = v
	model, _ = model.Update(v.spinner.Tick())
	if len(f.lines) == 0 {
		t.Error("lines are taken before it is known where the view is")
	}
	model, _ = model.Update(over{})
	if _, err := f.Write([]byte("the last\nwords")); err != nil {
		t.Fatal(err)
	}
	model, command := model.Update(spinner.TickMsg{})
	if command == nil || len(f.lines) != 0 {
		t.Errorf("%d lines are left", len(f.lines))
	}
	if content := model.View().Content; content != "" {
		t.Errorf("at the end there is still %q", content)
	}
}

// Where a view cannot be shown any more, nothing is lost.
func TestSettle(t *testing.T) {
	t.Parallel()
	f := scene()
	var out bytes.Buffer
	f.out = &out
	for _, text := range []string{"a line\nthe begin", "ning of another"} {
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	f.settle()
	if _, err := f.Write([]byte(", and its end\n")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"execution osaka-31677cb71df9\n", "✓ osaka  EnsureVpc", "What to do: Choose another block", "a line\nthe beginning of another, and its end\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q: %s", want, out.String())
		}
	}
}
