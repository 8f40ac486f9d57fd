package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

var update = flag.Bool("update", false, "write golden files and the generated parts of README.md")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", file, diff)
	}
}

// minimal is the smallest example under another name.
func minimal(t *testing.T, name string) (*spec.Workspace, []byte) {
	t.Helper()
	text, err := os.ReadFile("../../spec/examples/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("name: minimal"), []byte("name: "+name), 1)
	w, err := spec.Load(name+".yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return w, text
}

// world is one in which no VPC of that name may be made.
func world(t *testing.T, forbidden string) *emulator.World {
	t.Helper()
	w, err := emulator.Start(emulator.Config{Seed: 1, Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if forbidden != "" {
		w.Hub.Inject(&wire.Fault{
			Kind: wire.Refuse, Service: "ec2", Action: "CreateVpc", Times: 1,
			Error: &wire.Error{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."},
		})
	}
	return w
}

func TestFollow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file, forbidden string
		names           []string
	}{
		{"testdata/follow.txt", "", []string{"osaka"}},
		{"testdata/follow-failed.txt", "osaka", []string{"osaka"}},
		{"testdata/follow-several.txt", "", []string{"osaka", "kobe"}},
	} {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			w := world(t, test.forbidden)
			shown, stop := follow(w, &out)
			release := w.Clock.Hold()
			for _, name := range test.names {
				_, text := minimal(t, name)
				if _, err := w.Commit(plan.SourcePrefix+name+".yaml", text); err != nil {
					t.Fatal(err)
				}
			}
			release()
			if err := w.Clock.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := shown.Write([]byte("that is all\n")); err != nil {
				t.Fatal(err)
			}
			stop()
			if strings.Contains(out.String(), "\x1b") {
				t.Error("there are escapes where there is no terminal")
			}
			golden(t, test.file, out.String())
		})
	}
}

func TestNothingThatIsShownIsObeyed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	f := &follower{out: &out}
	const evil = "\x1b]0;owned\x07\x1b[2J\u009b1A\u202e"
	for i, e := range []asl.Event{
		{Type: "ExecutionStarted"},
		{Type: "TaskStateEntered", Details: map[string]any{"name": "LoadSpec"}},
		{Type: "LambdaFunctionFailed", Details: map[string]any{"error": evil, "cause": `{"errorMessage": "reading \u001b[2J"}`}},
		{Type: "ExecutionFailed", Details: map[string]any{"error": evil, "cause": evil + "\n\nWhat to do: " + evil}},
	} {
		e.ID, e.PreviousID = int64(i+1), int64(i)
		f.event("arn:aws:states:eu-west-1:123456789012:execution:lakegate-workspace:tokyo-1", e)
	}
	if _, err := f.Write([]byte(evil + "\n")); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\u009b\u202e") || !strings.Contains(out.String(), "owned") {
		t.Errorf("it shows %q", out.String())
	}
}
