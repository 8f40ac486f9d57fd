package emulator_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/plan"
)

// started lists the workspaces of all executions, sorted.
func (s *scene) started() []string {
	s.Helper()
	var names []string
	for _, x := range s.executions() {
		name := aws.ToString(x.Name)
		names = append(names, name[:len(name)-len("-0123456789ab")])
	}
	slices.Sort(names)
	return names
}

// A push of more specs than a page of differences has starts each once, also if
// the function is throttled in the middle, dies, and gets the event again.
func TestPushOfMany(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := cloneOf(t, s.World, s.SourceRepository)
	files := map[string][]byte{"README.md": []byte("Specs.\n")}
	var want []string
	for i := range 410 {
		name := fmt.Sprintf("w%d", i)
		// The first step refuses it, which is soon.
		files["workspaces/"+name+".yaml"] = []byte(name)
		want = append(want, name)
	}
	slices.Sort(want)
	faults := []*wire.Fault{
		{Kind: wire.Throttle, Service: "codecommit", Action: "GetDifferences", After: 1},
		{Kind: wire.Throttle, Service: "states", Action: "StartExecution", After: 150, Times: 3},
		{Kind: wire.LoseReply, Service: "states", Action: "StartExecution", After: 300},
		{Kind: wire.LoseReply, Service: "lambda", Action: "Invoke", Caller: plan.FunctionPrefix + "Dispatch", After: 1},
	}
	for _, f := range faults {
		s.Hub.Inject(f)
	}
	c.push("Add them all", files)
	s.settle()
	for _, f := range faults {
		if s.Hub.Struck(f) == 0 {
			t.Errorf("%+v did not strike", f)
		}
	}
	if got := s.started(); !slices.Equal(got, want) {
		t.Errorf("%d executions were started", len(got))
	}
	for _, d := range s.World.Events.DeadLetters() {
		t.Errorf("dead letter of %s: %+v", d.Rule, d.Failure)
	}
}

// However the branch came to its commit, exactly the specs that differ are
// applied.
func TestHowThePushCame(t *testing.T) {
	t.Parallel()
	const tokyo, osaka, nara = "workspaces/tokyo.yaml", "workspaces/osaka.yml", "workspaces/nara.yaml"
	for name, test := range map[string]struct {
		push func(c *clone)
		want []string
	}{
		"first push, of several commits": {func(*clone) {}, nil},
		"several commits": {func(c *clone) {
			c.commit("One", map[string][]byte{tokyo: []byte("two")})
			c.commit("Two", map[string][]byte{nara: []byte("one")})
			c.git("push", "--quiet", "origin", "main")
		}, []string{"nara", "tokyo"}},
		"there and back": {func(c *clone) {
			c.commit("There", map[string][]byte{tokyo: []byte("two")})
			c.commit("And back", map[string][]byte{tokyo: []byte("one")})
			c.git("push", "--quiet", "origin", "main")
		}, nil},
		"merge": {func(c *clone) {
			c.git("checkout", "--quiet", "-b", "side", "HEAD~1")
			c.commit("Aside", map[string][]byte{nara: []byte("one")})
			c.git("push", "--quiet", "origin", "side")
			c.git("checkout", "--quiet", "main")
			c.git("merge", "--quiet", "--no-ff", "--message", "Merge", "side")
			c.git("push", "--quiet", "origin", "main")
		}, []string{"nara"}},
		"fast forward": {func(c *clone) {
			c.git("checkout", "--quiet", "-b", "side")
			c.commit("Ahead", map[string][]byte{nara: []byte("one")})
			c.git("push", "--quiet", "origin", "side", "side:main")
		}, []string{"nara"}},
		"forced": {func(c *clone) {
			c.git("reset", "--quiet", "--hard", "HEAD~1")
			c.push("Otherwise", map[string][]byte{osaka: []byte("two")})
		}, []string{"osaka"}},
		"forced, and what was there is forgotten": {func(c *clone) {
			c.git("checkout", "--quiet", "--orphan", "anew")
			c.push("Anew", map[string][]byte{tokyo: []byte("two")})
		}, []string{"tokyo"}},
		"squashed": {func(c *clone) {
			c.git("reset", "--quiet", "--soft", "HEAD~1")
			c.git("commit", "--quiet", "--amend", "--message", "Once")
			c.git("push", "--quiet", "--force", "origin", "main")
		}, nil},
		"renamed, to a path that is no workspace's": {func(c *clone) {
			c.git("mv", osaka, "workspaces/OSAKA.yml")
			c.push("Shout", nil)
		}, []string{source.WorkspaceOf("workspaces/OSAKA.yml")}},
		"a folder in the place of a file": {func(c *clone) {
			c.git("rm", "--quiet", osaka)
			c.push("Deeper", map[string][]byte{"workspaces/osaka.yml/nara.yaml": []byte("one")})
		}, []string{source.WorkspaceOf("workspaces/osaka.yml/nara.yaml")}},
		"another branch":   {func(c *clone) { c.git("push", "--quiet", "origin", "HEAD:refs/heads/other") }, nil},
		"a tag":            {func(c *clone) { c.git("tag", "v1"); c.git("push", "--quiet", "origin", "v1") }, nil},
		"nothing":          {func(c *clone) { c.push("Nothing", nil) }, nil},
		"an odd file name": {func(c *clone) { c.push("Odd", map[string][]byte{"workspaces/ü ?.yaml": []byte("x")}) }, []string{source.WorkspaceOf("workspaces/ü ?.yaml")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			c := cloneOf(t, s.World, s.SourceRepository)
			c.commit("First", map[string][]byte{"README.md": []byte("Specs.\n"), tokyo: []byte("one")})
			c.commit("Second", map[string][]byte{osaka: []byte("one")})
			c.git("push", "--quiet", "origin", "main")
			s.settle()
			before := s.started()
			if want := []string{"osaka", "tokyo"}; !slices.Equal(before, want) {
				t.Fatalf("the first push started %v, want %v", before, want)
			}
			test.push(c)
			s.settle()
			after := s.started()
			for _, one := range before {
				after = slices.Delete(after, slices.Index(after, one), slices.Index(after, one)+1)
			}
			if !slices.Equal(after, test.want) {
				t.Errorf("it started %v, want %v", after, test.want)
			}
			for _, d := range s.World.Events.DeadLetters() {
				t.Errorf("dead letter of %s: %+v", d.Rule, d.Failure)
			}
		})
	}
}

// The branch that is watched may be made from another one, or be there again
// after it was deleted: every spec is applied that it has.
func TestBranchCreated(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := cloneOf(t, s.World, s.SourceRepository)
	c.commit("First", map[string][]byte{tokyoPath: s.text})
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/trunk")
	s.settle()
	if n := len(s.executions()); n > 0 {
		t.Fatalf("a branch that is not watched started %d executions", n)
	}
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/main")
	s.settle()
	s.mustBeReady()
	c.git("push", "--quiet", "origin", "--delete", "main")
	s.settle()
	before := len(s.Hub.Calls())
	c.push("Again", map[string][]byte{tokyoPath: append(bytes.TrimRight(s.text, "\n"), '\n')})
	s.settle()
	s.mustBeReady()
	if changes := s.Changes(before); len(changes) > 0 || len(s.executions()) != 2 {
		t.Errorf("there are %d executions, and it made %v", len(s.executions()), changes)
	}
}
