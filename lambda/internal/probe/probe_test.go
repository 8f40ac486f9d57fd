package probe_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/probe"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	want := []probe.Attempt{
		{ID: "a", Kind: probe.Connect, Host: "example.com", Port: 443, Seconds: 3},
		{ID: `quote " and \ and ü`, Kind: probe.Conf, Key: "x\ny"},
	}
	text, err := probe.Command(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := probe.Attempts(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, other := range []string{"", "print(1)", text[1:], probe.Program + "\n\nrun(1)\n", strings.Replace(text, "seconds", "second", 1)} {
		if _, err := probe.Attempts(other); err == nil {
			t.Errorf("%.40q is taken for the probe", other)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	text, err := probe.Output([]probe.Result{{ID: "a", Outcome: probe.Connected}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := probe.Parse("some warning\n" + text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if got["a"].Outcome != probe.Connected {
		t.Errorf("the results are %v", got)
	}
	for _, bad := range []string{"", "nothing", "lakegate-probe {"} {
		if _, err := probe.Parse(bad); err == nil {
			t.Errorf("%q has results", bad)
		}
	}
}
