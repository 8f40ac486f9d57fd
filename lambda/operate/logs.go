package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"golang.org/x/sync/errgroup"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

const (
	// atOnce is how many log groups or objects are read at the same time.
	atOnce = 8
	// pollEvery is how often lines are asked for that have come since, and late is
	// how much later than its time a line may come.
	pollEvery, late = 10 * time.Second, 30 * time.Second
)

// query says which lines are wanted.
type query struct {
	workspace, execution string
	since                time.Duration
	follow               bool
}

// pattern is the query as CloudWatch Logs filters lines.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
func (q query) pattern() string {
	text := fmt.Sprintf(`$.workspace = "%s"`, q.workspace)
	if q.execution != "" {
		text += fmt.Sprintf(` && $.execution = "%s"`, q.execution)
	}
	return "{ " + text + " }"
}

// logs prints what functions have written about a workspace, in the order of
// time.
func (s *stack) logs(ctx context.Context, out io.Writer, q query) error {
	if strings.ContainsAny(q.workspace+q.execution, `"\*`) {
		return fmt.Errorf("reading logs: %q and %q are no names", q.workspace, q.execution)
	}
	printer := &printer{out: out, seen: map[string]bool{}}
	from := s.now().Add(-q.since)
	for {
		lines, err := s.find(ctx, q.pattern(), from)
		if err != nil {
			return err
		}
		printer.print(lines)
		if !q.follow {
			if len(printer.seen) == 0 {
				fmt.Fprintf(out, "no function has written anything about workspace %s since %s\n", q.workspace, from.UTC().Format(time.RFC3339))
			}
			return nil
		}
		if !printer.last.IsZero() && printer.last.Add(-late).After(from) {
			from = printer.last.Add(-late)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pollEvery):
		}
	}
}

// line is one that a function has written.
type line struct {
	id      string
	at      time.Time
	members map[string]any
}

// find reads the lines that match from the logs of all functions.
func (s *stack) find(ctx context.Context, pattern string, from time.Time) ([]line, error) {
	groups, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all []line
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, group := range groups {
		g.Go(func() error {
			found, err := s.findIn(ctx, group, pattern, from)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, found...)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.text("step"), b.text("step"))) })
	return all, nil
}

// groups are the names of the functions' log groups.
func (s *stack) groups(ctx context.Context) ([]string, error) {
	var names []string
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(s.lines, &cloudwatchlogs.DescribeLogGroupsInput{
		LogGroupNamePrefix: aws.String(plan.LogGroupPrefix + plan.FunctionPrefix),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the log groups of functions: %w", err)
		}
		for _, group := range page.LogGroups {
			names = append(names, aws.ToString(group.LogGroupName))
		}
	}
	return names, nil
}

// findIn reads the lines that match from one log group, if it exists.
func (s *stack) findIn(ctx context.Context, group, pattern string, from time.Time) ([]line, error) {
	var found []line
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(s.lines, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, FilterPattern: &pattern, StartTime: aws.Int64(from.UnixMilli()),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			if failure.IsNotFound(err) {
				return nil, nil
			}
			return nil, fmt.Errorf("reading log group %s: %w", group, err)
		}
		for _, e := range page.Events {
			if l, ok := parse(e); ok {
				found = append(found, l)
			}
		}
	}
	return found, nil
}

// parse reads a line; one with metrics is left out.
func parse(e types.FilteredLogEvent) (line, bool) {
	l := line{id: aws.ToString(e.EventId), at: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC()}
	if json.Unmarshal([]byte(aws.ToString(e.Message)), &l.members) != nil || l.members["_aws"] != nil {
		return l, false
	}
	return l, true
}

func (l line) text(member string) string {
	text, _ := l.members[member].(string)
	return text
}

// shownElsewhere are the members of a line that are not among its attributes.
var shownElsewhere = []string{"timestamp", "level", "message", "workspace", "revision", "execution", "step", "requestId", "traceId"}

// printer prints each line once.
type printer struct {
	out       io.Writer
	seen      map[string]bool
	last      time.Time
	execution string
}

func (p *printer) print(lines []line) {
	for _, l := range lines {
		if p.seen[l.id] {
			continue
		}
		p.seen[l.id] = true
		if l.at.After(p.last) {
			p.last = l.at
		}
		if execution := l.text("execution"); execution != p.execution && execution != "" {
			p.execution = execution
			fmt.Fprintf(p.out, "execution %s, %s\n", execution, l.text("revision"))
		}
		var attributes strings.Builder
		for _, name := range slices.Sorted(maps.Keys(l.members)) {
			value := l.members[name]
			if !slices.Contains(shownElsewhere, name) && value != nil && value != "" {
				fmt.Fprintf(&attributes, "  %s=%v", name, value)
			}
		}
		fmt.Fprintf(p.out, "%s  %-27s %-5s  %s%s\n", l.at.Format("2006-01-02 15:04:05.000"), l.text("step"), l.text("level"), l.text("message"),
			strings.ReplaceAll(attributes.String(), "\n", "\n      "))
	}
}
