package source_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/source"
)

// A spec that is deleted and one that is added in the same push are a rename if
// they are the same but for the name, and that is told before anything is
// started.
func TestRenames(t *testing.T) {
	t.Parallel()
	of := func(name string) string {
		return "metadata:\n  name: " + name + "\nspec:\n  rootBucket: {name: " + name + "-root}\n"
	}
	kept := strings.Replace(of("kyoto"), "kyoto-root", "tokyo-root", 1)
	tokyo, osaka, kyoto, nara := "workspaces/tokyo.yaml", "workspaces/osaka.yaml", "workspaces/kyoto.yaml", "workspaces/nara.yml"
	for name, test := range map[string]struct {
		before, after tree
		want          []string
	}{
		"renamed":                          {tree{tokyo: of("tokyo")}, tree{kyoto: of("kyoto")}, []string{"tokyo kyoto"}},
		"with names that are kept":         {tree{tokyo: of("tokyo")}, tree{kyoto: kept}, []string{"tokyo kyoto"}},
		"only the file":                    {tree{tokyo: of("tokyo")}, tree{kyoto: of("tokyo")}, []string{"tokyo kyoto"}},
		"another ending too":               {tree{tokyo: of("tokyo")}, tree{nara: of("nara")}, []string{"tokyo nara"}},
		"two":                              {tree{tokyo: of("tokyo"), osaka: of("osaka") + "# West\n"}, tree{nara: of("nara") + "# West\n", kyoto: of("kyoto")}, []string{"osaka nara", "tokyo kyoto"}},
		"one of two":                       {tree{tokyo: of("tokyo"), osaka: of("osaka")}, tree{kyoto: of("kyoto")}, []string{"osaka kyoto"}},
		"copied, and the first is kept":    {tree{tokyo: of("tokyo")}, tree{tokyo: of("tokyo"), kyoto: of("kyoto")}, nil},
		"another one that is not alike":    {tree{tokyo: of("tokyo")}, tree{kyoto: of("kyoto") + "  suspend: true\n"}, nil},
		"to a path that is no workspace's": {tree{tokyo: of("tokyo")}, tree{"workspaces/NOTES.yaml": of("tokyo")}, nil},
		"only another ending":              {tree{tokyo: of("tokyo")}, tree{"workspaces/tokyo.yml": of("tokyo")}, nil},
		"too large to be specs":            {tree{tokyo: "huge"}, tree{kyoto: "huge"}, nil},
		"to one that was there":            {tree{tokyo: of("tokyo"), kyoto: of("osaka")}, tree{kyoto: of("kyoto")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRepository()
			g.commit("1", test.before)
			g.commit("2", test.after)
			s := &starts{}
			var got []string
			d := source.Dispatcher{
				CodeCommit: g.source(), Starter: source.Starter{
					Executions:   func() awsapi.Executions { return s },
					StateMachine: "arn:aws:states:eu-west-1:123456789012:stateMachine:make", Retirement: "retire",
				},
				Renamed: func(_ context.Context, r source.Rename, execution string) error {
					if len(s.machines) > 0 {
						t.Error("it is told after something was started")
					}
					if want := "arn:aws:states:eu-west-1:123456789012:execution:make:" + source.ExecutionName(r.To); execution != want {
						t.Errorf("the execution is %s, want %s", execution, want)
					}
					got = append(got, r.From.Workspace+" "+r.To.Workspace)
					return nil
				},
			}
			started, err := d.Dispatch(t.Context(), []byte(updated))
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("renames:\n%s", diff)
			}
			if len(started) < 2*len(got) {
				t.Errorf("%d executions were started", len(started))
			}
		})
	}
}

// What cannot be told is not begun: the event is delivered again.
func TestRenameThatCannotBeTold(t *testing.T) {
	t.Parallel()
	g := newRepository()
	g.commit("1", tree{"workspaces/tokyo.yaml": "x"})
	g.commit("2", tree{"workspaces/kyoto.yaml": "x"})
	s, broken := &starts{}, errors.New("broken")
	d := source.Dispatcher{
		CodeCommit: g.source(), Starter: source.Starter{Executions: func() awsapi.Executions { return s }},
		Renamed: func(context.Context, source.Rename, string) error { return broken },
	}
	if _, err := d.Dispatch(t.Context(), []byte(updated)); !errors.Is(err, broken) || len(s.machines) > 0 {
		t.Errorf("%d executions were started: %v", len(s.machines), err)
	}
}
