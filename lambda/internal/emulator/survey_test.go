package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/survey"
	"lakegate/lambda/plan"
)

// look runs a survey by its schedule, and returns what it decided. What follows
// has not run yet.
func (s *scene) look() map[string]int {
	s.Helper()
	out, err := s.Invoke(s.Context(), "Survey", []byte(`{}`))
	if err != nil {
		s.Fatal(err)
	}
	var data report.SurveyedData
	if err := json.Unmarshal(out, &data); err != nil {
		s.Fatal(err)
	}
	if data.Failed > 0 {
		s.Errorf("it failed on %+v", data.Failures)
	}
	return data.Decisions
}

// survey lets time pass in which events would have come, runs a survey and waits
// until all that follows is done.
func (s *scene) survey(want map[string]int) {
	s.Helper()
	s.Clock.After(20*time.Minute, func() {})
	s.settle()
	if diff := cmp.Diff(want, s.look()); diff != "" {
		s.Errorf("the survey decided:\n%s", diff)
	}
	s.settle()
}

// lose loses all events of the sources and of executions, or none.
func (s *scene) lose(all bool) {
	n := 0
	if all {
		n = -1
	}
	for _, source := range []string{"aws.s3", "aws.codecommit", "aws.states"} {
		s.World.Events.Drop(source, n)
	}
}

// found delivers the events that were lost so far, late.
func (s *scene) found() {
	s.Helper()
	for _, l := range s.World.Events.Lost() {
		name := "Dispatch"
		if l.Event.Source == "aws.states" {
			name = "ReportFailure"
			if !bytes.Contains(l.Event.Detail, []byte(`"FAILED"`)) {
				continue
			}
		}
		if _, err := s.Invoke(s.Context(), name, l.Event.JSON()); err != nil {
			s.Fatal(err)
		}
	}
	s.settle()
}

func only(decision string) map[string]int { return map[string]int{decision: 1} }

// The schedule wakes the survey every day, and every day what is Ready is looked
// at again, once.
func TestSchedule(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	before := len(s.Hub.Calls())
	s.Schedules.Pass(49 * time.Hour)
	s.settle()
	s.mustBeReady()
	all := s.executions()
	if len(all) != 3 {
		t.Fatalf("%d executions were started", len(all))
	}
	if got, want := aws.ToString(all[0].Name), "tokyo-verify-20261104T090000Z"; got != want {
		t.Errorf("the execution is %s, want %s", got, want)
	}
	var input document.Input
	if err := json.Unmarshal([]byte(aws.ToString(s.last().Input)), &input); err != nil || input.Mode != document.Verify || input.Revision != s.status().LastAttempt {
		t.Errorf("its input is %+v (%v)", input, err)
	}
	if changes := s.Changes(before); len(changes) > 0 {
		t.Errorf("it made %v", changes)
	}
	var said report.SurveyedData
	s.sent(report.Surveyed, &said)
	if said.Time != "2026-11-04T09:00:00Z" || said.Workspaces != 1 || said.Decisions[survey.Verify] != 1 {
		t.Errorf("the event says %+v", said)
	}
	// As when the scheduler tries again.
	if _, err := s.Invoke(t.Context(), "Survey", []byte(`{"time": "2026-11-04T09:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if n := len(s.executions()); n != 3 {
		t.Errorf("tried again it started %d executions", n-3)
	}
	if n := len(s.Schedules.DeadLetters()); n > 0 {
		t.Errorf("%d invocations were given up", n)
	}
}

// A push that no event told of is applied, under the name that the event gives;
// when the event comes after all, nothing is started twice.
func TestMissedPush(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.lose(true)
	s.push(s.text)
	s.lose(false)
	s.survey(only(survey.Apply))
	s.mustBeReady()
	s.found()
	if n := len(s.executions()); n != 1 {
		t.Errorf("there are %d executions", n)
	}
	// A version that is put, and one that is there again.
	s.lose(true)
	s.push(append([]byte("# newer\n"), s.text...))
	s.survey(only(survey.Apply))
	s.mustBeReady()
	s.survey(only(survey.Verify))
	s.mustBeReady()
}

// Of a commit it is not known which push brought it, so the event of a push that
// is late starts another execution. Whenever that is, it does no harm.
func TestMissedPushInGit(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 3 * time.Minute, 12 * time.Minute, time.Hour} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			c := cloneOf(t, s.World, s.SourceRepository)
			s.lose(true)
			c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
			c.push("Say more", map[string][]byte{"README.md": []byte("Specs.\n")})
			s.settle()
			s.lose(false)
			release := s.Clock.Hold()
			late := s.World.Events.Lost()[0].Event.JSON()
			s.Clock.After(after, func() {
				if _, err := s.Invoke(t.Context(), "Dispatch", late); err != nil {
					t.Error(err)
				}
			})
			if diff := cmp.Diff(only(survey.Apply), s.look()); diff != "" {
				t.Error(diff)
			}
			release()
			s.settle()
			s.mustBeReady()
			if diff := cmp.Diff(wanted(t), s.Inventory()); diff != "" {
				t.Errorf("the world differs from one with one event:\n%s", diff)
			}
			for _, x := range s.executions() {
				if x.Status == sfntypes.ExecutionStatusRunning {
					t.Errorf("%s runs", aws.ToString(x.Name))
				}
			}
			s.survey(only(survey.Verify))
			s.mustBeReady()
		})
	}
}

// A deletion that no event told of is made good, by the source alone that has the
// spec, and its event does no harm when it comes after all.
func TestMissedDeletion(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"bucket", "branch"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s := retirable(t, "tokyo")
			before, inventory := s.belongings(), s.Inventory()
			c := cloneOf(t, s.World, s.SourceRepository)
			c.push("Begin", map[string][]byte{"README.md": []byte("Specs.\n")})
			if where == "bucket" {
				s.push(s.text)
			} else {
				c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
				s.settle()
			}
			s.mustBeReady()
			s.lose(true)
			if where == "bucket" {
				s.remove()
			} else {
				c.git("rm", "--quiet", tokyoPath)
				c.push("Retire Tokyo", nil)
				s.settle()
			}
			s.lose(false)
			s.survey(only(survey.Retire))
			if data := s.mustBeRetired(); !data.Deleted || len(data.Left) > 0 {
				t.Errorf("the event says %+v", data)
			}
			s.mustBeBare(before, inventory)
			s.found()
			if data := s.mustBeRetired(); data.Deleted {
				t.Errorf("the event that came late led to %+v", data)
			}
			s.mustBeBare(before, inventory)
			s.survey(map[string]int{})
		})
	}
}

// What has been retired and stays, and what must not be retired, is not retired
// again every day.
func TestRetiredOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text func(s *scene) []byte
		want string
	}{
		"retained": {func(s *scene) []byte { return s.text }, survey.Settled},
		"protected": {func(s *scene) []byte {
			return bytes.Replace(s.text, []byte("metadata:\n"), []byte("metadata:\n  annotations: {lakegate.dev/protected: \"true\"}\n"), 1)
		}, survey.Stalled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.push(test.text(s))
			s.mustBeReady()
			s.remove()
			n := s.retirements()
			s.survey(only(test.want))
			s.survey(only(test.want))
			if s.retirements() != n {
				t.Errorf("%d retirements were started", s.retirements()-n)
			}
			// A spec that is there again is applied, also without an event.
			s.lose(true)
			s.push(s.text)
			s.lose(false)
			s.survey(only(survey.Apply))
			s.mustBeReady()
		})
	}
}

// An execution that died and was not reported is reported as its event would
// have been, its lease is free again, and what passes by itself is tried again.
func TestDiedUnreported(t *testing.T) {
	t.Parallel()
	refused := &wire.Error{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
	for name, test := range map[string]struct {
		fault *wire.Fault
		class string
		next  string
	}{
		"denied":    {&wire.Fault{Kind: wire.Refuse, Service: "ec2", Action: "CreateVpc", Times: -1, Error: refused}, plan.AccessDenied, survey.Stalled},
		"transient": {&wire.Fault{Kind: wire.Refuse, Service: "ec2", Action: "CreateVpc", Times: -1}, plan.Transient, survey.Retry},
		"at once":   {&wire.Fault{Kind: wire.Refuse, Service: "s3", Action: "GetObject", Caller: "LoadSpec", Times: -1}, plan.Transient, survey.Retry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.World.Events.Drop("aws.states", -1)
			s.Hub.Inject(test.fault)
			s.push(s.text)
			s.World.Events.Drop("aws.states", 0)
			s.survey(only(survey.Report))
			var data report.FailedData
			s.sent(report.Failed, &data)
			if data.Class != test.class || data.Step == "" || data.Remedy == "" {
				t.Errorf("the event says %+v", data)
			}
			if c := s.statusOf(report.ConditionStalled); c == nil || s.statusOf(report.ConditionReconciling) != nil {
				t.Errorf("the status says %+v", s.status())
			}
			if o, ok := s.S3.Get(s.StateBucket, "leases/tokyo.json"); ok && bytes.Contains(o.Body, []byte("execution:")) {
				t.Errorf("the lease is %s", o.Body)
			}
			s.Hub.Clear()
			s.survey(only(test.next))
			if test.next == survey.Stalled {
				s.survey(only(survey.Stalled))
				return
			}
			s.mustBeReady()
			// The event that comes after all says the same again, and does not
			// overrule what has happened since.
			keys := map[string]int{}
			s.found()
			s.mustBeReady()
			for _, e := range s.World.Events.Events(plan.EventBusName) {
				var d struct{ Metadata report.Metadata }
				if err := json.Unmarshal(e.Detail, &d); err != nil {
					t.Fatal(err)
				}
				if e.DetailType == report.Failed {
					keys[d.Metadata.IdempotencyKey]++
				}
			}
			if len(keys) != 1 {
				t.Errorf("the failure was told as %v", keys)
			}
		})
	}
}

// What people or an execution work on is left alone, and what is in no place that
// is watched.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	t.Run("under way", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		release := s.Clock.Hold()
		if _, err := s.Commit(tokyoPath, s.text); err != nil {
			t.Fatal(err)
		}
		for _, after := range []time.Duration{2 * time.Second, 5 * time.Minute, 11 * time.Minute} {
			s.Clock.After(after, func() {
				if diff := cmp.Diff(only(survey.UnderWay), s.look()); diff != "" {
					t.Errorf("after %s:\n%s", after, diff)
				}
			})
		}
		release()
		s.settle()
		s.mustBeReady()
		if n := len(s.executions()); n != 1 {
			t.Errorf("there are %d executions", n)
		}
	})
	t.Run("suspended", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.push(bytes.Replace(s.text, []byte("\nspec:\n"), []byte("\nspec:\n  suspend: true\n"), 1))
		s.survey(only(survey.Suspended))
		// Not any more, and nobody was told.
		s.lose(true)
		s.push(s.text)
		s.lose(false)
		s.survey(only(survey.Apply))
		s.mustBeReady()
	})
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.push([]byte("nonsense"))
		s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
		s.survey(only(survey.Stalled))
	})
	t.Run("no workspace's", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		for _, path := range []string{"workspaces/NOTES.yaml", "workspaces/eu/tokyo.yaml", "workspaces/README.md", "elsewhere/tokyo.yaml"} {
			if _, err := s.Commit(path, s.text); err != nil {
				t.Fatal(err)
			}
		}
		s.settle()
		s.survey(map[string]int{})
	})
	t.Run("branch deleted", func(t *testing.T) {
		t.Parallel()
		s := retirable(t, "tokyo")
		c := cloneOf(t, s.World, s.SourceRepository)
		c.commit("Begin", map[string][]byte{"README.md": []byte("Specs.\n")})
		c.git("push", "--quiet", "origin", "HEAD:refs/heads/other")
		c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
		s.settle()
		c.git("push", "--quiet", "origin", "--delete", "main")
		s.settle()
		s.survey(only(survey.Settled))
		s.mustBeReady()
	})
	t.Run("moved to git", func(t *testing.T) {
		t.Parallel()
		s := retirable(t, "tokyo")
		s.push(s.text)
		c := cloneOf(t, s.World, s.SourceRepository)
		c.push("Move Tokyo", map[string][]byte{tokyoPath: s.text})
		s.settle()
		s.mustBeReady()
		// The old copy is still there, and then it is not.
		s.survey(only(survey.Verify))
		s.lose(true)
		s.remove()
		s.lose(false)
		s.survey(only(survey.Verify))
		if s.retirements() > 0 {
			t.Error("it was retired")
		}
	})
}

// A workspace of which nothing can be decided keeps no other one from it; a source
// that cannot be read stops the survey before it has decided anything.
func TestSurveyFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	if _, err := s.S3.Put(s.StateBucket, "status/osaka.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	s.lose(true)
	if _, err := s.Commit("workspaces/osaka.yaml", s.text); err != nil {
		t.Fatal(err)
	}
	s.lose(false)
	s.Clock.After(time.Hour, func() {})
	s.settle()
	if _, err := s.Invoke(t.Context(), "Survey", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.mustBeReady()
	var data report.SurveyedData
	s.sent(report.Surveyed, &data)
	if data.Failed != 1 || len(data.Failures) != 1 || data.Failures[0].Workspace != "osaka" || data.Decisions[survey.Verify] != 1 {
		t.Errorf("the event says %+v", data)
	}
	for _, action := range []string{"ListObjectsV2", "GetBranch", "HeadObject"} {
		fault := &wire.Fault{Kind: wire.Refuse, Action: action, Caller: "Survey"}
		s.Hub.Inject(fault)
		events, started := len(s.World.Events.Events(plan.EventBusName)), len(s.executions())
		if _, err := s.Invoke(t.Context(), "Survey", []byte(`{}`)); err == nil || s.Hub.Struck(fault) == 0 {
			t.Errorf("without %s it ended with %v", action, err)
		}
		s.settle()
		if n := len(s.World.Events.Events(plan.EventBusName)) - events; n > 0 || len(s.executions()) != started {
			t.Errorf("without %s it sent %d events", action, n)
		}
		s.Hub.Clear()
	}
	for _, bad := range []string{`[]`, `{"time": "today"}`} {
		if _, err := s.Invoke(t.Context(), "Survey", []byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// More than a page of specs and of records.
func TestSurveyOfMany(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.lose(true)
	const many = 1100
	for i := range many {
		name := fmt.Sprintf("w%d", i)
		version, err := s.Commit("workspaces/"+name+".yaml", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		status := fmt.Sprintf(`{"workspace":%q,"lastAttempt":{"source":"s3","repository":%q,"path":"workspaces/%s.yaml","version":%q},"conditions":[{"type":"Suspended","status":"True"}]}`,
			name, s.SourceBucket, name, version)
		if _, err := s.S3.Put(s.StateBucket, "status/"+name+".json", []byte(status)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.S3.Put(s.StateBucket, fmt.Sprintf("applied/gone%d.json", i), []byte(`{"attempted":{"change":{"source":"s3","repository":"another-bucket"}}}`)); err != nil {
			t.Fatal(err)
		}
	}
	s.survey(map[string]int{survey.Suspended: many, survey.Settled: many})
}

// event is something that happens while events are lost.
type event struct {
	At   int // minutes
	Kind string
	Lost bool
}

// Whatever is pushed, deleted, stopped and refused while any event may be lost:
// after a few surveys the world is as the specs want it.
func TestSurveyHeals(t *testing.T) {
	t.Parallel()
	generator := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event {
		return event{
			At:   rapid.IntRange(0, 90).Draw(t, "at"),
			Kind: rapid.SampledFrom([]string{"push", "push", "push again", "delete", "stop", "fail", "survey"}).Draw(t, "kind"),
			Lost: rapid.Bool().Draw(t, "lost"),
		}
	}), 2, 8)
	for seed := range *orders {
		sequence := generator.Example(seed)
		for _, where := range []string{"bucket", "branch"} {
			t.Run(fmt.Sprint(where, seed), func(t *testing.T) {
				t.Parallel()
				s := newSceneOf(t, withPolicy(example(t, "minimal"), deletion))
				s.heal(sequence, where == "branch")
			})
		}
	}
}

func (s *scene) heal(sequence []event, inGit bool) {
	path, n := "workspaces/minimal.yaml", 0
	var c *clone
	if inGit {
		c = cloneOf(s.T, s.World, s.SourceRepository)
		c.push("Begin", map[string][]byte{"README.md": []byte("Specs.\n")})
		s.settle()
	}
	there := false
	put := func(same bool) {
		if !same {
			n++
		}
		there = true
		text := append(fmt.Appendf(nil, "# %d\n", n), s.text...)
		if inGit {
			c.push("Change", map[string][]byte{path: text})
		} else if _, err := s.Commit(path, text); err != nil {
			s.Error(err)
		}
	}
	release := s.Clock.Hold()
	for i, e := range sequence {
		s.Clock.After(time.Duration(e.At)*time.Minute+time.Duration(i)*time.Second, func() {
			s.lose(e.Lost)
			switch e.Kind {
			case "push":
				put(false)
			case "push again":
				put(true)
			case "delete":
				if !there {
					return
				}
				there = false
				if inGit {
					c.git("rm", "--quiet", path)
					c.push("Delete", nil)
				} else if _, err := s.World.Remove(path); err != nil {
					s.Error(err)
				}
			case "stop":
				if x := s.newest(); x != "" {
					_, _ = s.sfn.StopExecution(s.Context(), &sfn.StopExecutionInput{ExecutionArn: aws.String(x)})
				}
			case "fail":
				s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Mutating: true, Service: "ec2", Times: 8})
			case "survey":
				s.look()
			}
		})
	}
	release()
	s.settle()
	s.Hub.Clear()
	s.lose(false)
	for range 4 {
		s.Clock.After(25*time.Hour, func() {})
		s.settle()
		s.look()
		s.settle()
	}
	o, known := s.S3.Get(s.StateBucket, "status/minimal.json")
	stopped := known && bytes.Contains(o.Body, []byte("the execution was stopped"))
	switch {
	case stopped:
		// Whoever stops an execution says when it goes on.
	case !there:
		if lines := s.Inventory(); slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "minimal") }) {
			s.Errorf("the spec is gone, and there is:\n%s", strings.Join(lines, "\n"))
		}
	default:
		if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" || len(s.status().Conditions) != 1 {
			s.Errorf("the status is %s", o.Body)
		}
		applied := ""
		if last := s.status().LastAttempt; inGit {
			applied = c.git("show", last.Version+":"+last.Path)
		} else if newest, ok := s.S3.Get(last.Repository, last.Path); ok && newest.VersionID == last.Version {
			applied = string(newest.Body)
		}
		if !strings.HasPrefix(applied, fmt.Sprintf("# %d\n", n)) {
			s.Errorf("%q is applied, and %d was pushed last", applied, n)
		}
	}
	for _, d := range s.World.Events.DeadLetters() {
		s.Errorf("dead letter of %s: %+v", d.Rule, d.Failure)
	}
}
