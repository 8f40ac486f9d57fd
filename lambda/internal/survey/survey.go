// Package survey makes good what events have missed. They are delivered on a
// best-effort basis, so a schedule asks every source what it has, compares that
// with what was attempted last, and starts what no event has started.
//
// It changes nothing itself: what it starts are the executions that events
// start, under the lease of the workspace, and whatever is started twice does no
// harm.
package survey

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/source"
)

// Survey looks at every spec and every workspace.
type Survey struct {
	// Places are those that are watched.
	Places     []source.Place
	Starter    source.Starter
	Executions func() awsapi.Executions
	Statuses   *report.Statuses
	Records    *report.Records
	Failures   *report.Failures
	Publisher  *report.Publisher
	Now        func() time.Time
}

const (
	// atOnce is how many workspaces are looked at side by side.
	atOnce = 16
	// shown is how many failures the event lists.
	shown = 20
)

// input is what the schedule sends. Without a time it is now.
type input struct {
	Time string `json:"time"`
}

// Run looks at everything, and returns what the event says of it. A source that
// cannot be read fails it: nothing is decided by half of what there is.
func (s *Survey) Run(ctx context.Context, payload []byte) (*report.SurveyedData, error) {
	var in input
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, fmt.Errorf("decoding input of the survey: %w", err)
	}
	began := s.Now().UTC()
	due, err := time.Parse(time.RFC3339, cmp.Or(in.Time, began.Format(time.RFC3339)))
	if err != nil {
		return nil, fmt.Errorf("decoding input of the survey: %w", err)
	}
	all, known, err := s.subjects(ctx)
	if err != nil {
		return nil, err
	}
	out := &report.SurveyedData{Time: due.Format(time.RFC3339), Workspaces: len(all), Decisions: map[string]int{}}
	names := slices.Sorted(maps.Keys(all))
	var mu sync.Mutex
	source.SideBySide(len(names), atOnce, func(i int) {
		l := &look{Survey: s, due: due, known: known, workspace: names[i], heads: all[names[i]]}
		err := l.decide(ctx)
		mu.Lock()
		defer mu.Unlock()
		for _, d := range l.decided {
			out.Decisions[d]++
		}
		if err != nil {
			slog.ErrorContext(ctx, "workspace not surveyed", "workspace", names[i], "error", failure.Message(err))
			out.Failed++
			out.Failures = append(out.Failures, report.SurveyFailure{
				Workspace: names[i], Class: failure.Classify(err).Class, Message: failure.Message(err),
			})
		}
	})
	slices.SortFunc(out.Failures, func(a, b report.SurveyFailure) int { return strings.Compare(a.Workspace, b.Workspace) })
	out.Failures = out.Failures[:min(len(out.Failures), shown)]
	out.DurationSeconds = int(s.Now().Sub(began).Seconds())
	slog.InfoContext(ctx, "survey completed", "time", out.Time, "workspaces", out.Workspaces, "decisions", out.Decisions, "failed", out.Failed)
	return out, s.Publisher.Publish(ctx, report.Surveyed, "completed", report.Subject{ExecutionName: "survey-" + stamp(due)}, out)
}

// head is a spec that is there, and the place that has it.
type head struct {
	source.Change
	place source.Place
}

// subjects returns all workspaces that have specs or a record, with their specs:
// one, if all is well. Known are the places that exist.
func (s *Survey) subjects(ctx context.Context) (all map[string][]head, known []source.Place, err error) {
	// What has a record is looked up first: a spec that comes after that is seen.
	recorded, err := s.Records.Workspaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	all = map[string][]head{}
	for _, workspace := range recorded {
		all[workspace] = nil
	}
	for _, place := range s.Places {
		heads, exists, err := place.Heads(ctx)
		if err != nil {
			return nil, nil, err
		}
		if !exists {
			// Whoever deletes a branch retires nothing.
			slog.InfoContext(ctx, "a place that is watched does not exist", "place", place.String())
			continue
		}
		known = append(known, place)
		for _, c := range heads {
			all[c.Workspace] = append(all[c.Workspace], head{c, place})
		}
	}
	return all, known, nil
}

// stamp is a time as the name of an execution has it.
func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
