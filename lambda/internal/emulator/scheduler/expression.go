package scheduler

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// expression says when a schedule is due, in UTC.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
type expression interface {
	// next is the first time after another one; false means that there is none.
	next(after time.Time) (time.Time, bool)
}

var (
	rateForm = regexp.MustCompile(`^rate\(([1-9][0-9]*) (minute|hour|day)(s?)\)$`)
	cronForm = regexp.MustCompile(`^cron\(([^()]+)\)$`)
	atForm   = regexp.MustCompile(`^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$`)
)

// parse parses an expression of a schedule that begins at a time.
func parse(text string, begins time.Time) (expression, error) {
	if m := rateForm.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || (n == 1) != (m[3] == "") {
			return nil, fmt.Errorf("%s is not a rate", text)
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
		return rate{begins, time.Duration(n) * unit}, nil
	}
	if m := atForm.FindStringSubmatch(text); m != nil {
		at, err := time.Parse("2006-01-02T15:04:05", m[1])
		return once{at}, err
	}
	if m := cronForm.FindStringSubmatch(text); m != nil {
		return parseCron(m[1])
	}
	return nil, fmt.Errorf("%s is neither rate, cron nor at", text)
}

// rate is due when the schedule is made, and then at intervals.
type rate struct {
	begins time.Time
	every  time.Duration
}

func (r rate) next(after time.Time) (time.Time, bool) {
	if after.Before(r.begins) {
		return r.begins, true
	}
	return r.begins.Add((after.Sub(r.begins)/r.every + 1) * r.every), true
}

type once struct{ at time.Time }

func (o once) next(after time.Time) (time.Time, bool) { return o.at, o.at.After(after) }

// cron holds the values of each field: minute, hour, day of month, month, day of
// week from Sunday, which is 1, and year. One of both days is nil: it is not asked.
type cron [6][]int

// fields are the bounds of each field, and names of its values in order.
var fields = []struct {
	from, to int
	names    []string
}{
	{0, 59, nil}, {0, 23, nil}, {1, 31, nil},
	{1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{1, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
	{1970, 2199, nil},
}

// parseCron parses six fields. L, W and # are not emulated.
func parseCron(text string) (cron, error) {
	var c cron
	parts := strings.Fields(text)
	if len(parts) != len(fields) || (parts[2] == "?") == (parts[4] == "?") {
		return c, fmt.Errorf("cron(%s) does not have six fields of which one day is ?", text)
	}
	for i, part := range parts {
		if part == "?" {
			continue
		}
		for item := range strings.SplitSeq(part, ",") {
			values, err := valuesOf(i, item)
			if err != nil {
				return c, fmt.Errorf("cron(%s): %w", text, err)
			}
			c[i] = append(c[i], values...)
		}
	}
	return c, nil
}

// valuesOf expands one of *, 5, MON, 1-5, */15, 0/15 and 0-30/10.
func valuesOf(field int, item string) ([]int, error) {
	f := fields[field]
	span, stepText, stepped := strings.Cut(item, "/")
	step := 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
			return nil, fmt.Errorf("%q is not a step", item)
		}
	}
	value := func(text string) (int, error) {
		if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
			return f.from + i, nil
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < f.from || n > f.to {
			return 0, fmt.Errorf("%q is not from %d to %d", text, f.from, f.to)
		}
		return n, nil
	}
	from, to := f.from, f.to
	if span != "*" {
		first, last, ranged := strings.Cut(span, "-")
		var err error
		if from, err = value(first); err != nil {
			return nil, err
		}
		switch {
		case ranged:
			if to, err = value(last); err != nil {
				return nil, err
			}
		case !stepped:
			to = from
		}
	}
	var values []int
	for n := from; n <= to; n += step {
		values = append(values, n)
	}
	return values, nil
}

func (c cron) next(after time.Time) (time.Time, bool) {
	at := after.UTC().Truncate(time.Minute).Add(time.Minute)
	for at.Year() <= fields[5].to {
		day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		switch {
		case !slices.Contains(c[5], at.Year()):
			at = time.Date(at.Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC)
		case !c.on(at):
			at = day.AddDate(0, 0, 1)
		case !slices.Contains(c[1], at.Hour()):
			at = at.Truncate(time.Hour).Add(time.Hour)
		case !slices.Contains(c[0], at.Minute()):
			at = at.Add(time.Minute)
		default:
			return at, true
		}
	}
	return time.Time{}, false
}

// on says whether the day of a time is one of those that are asked for.
func (c cron) on(at time.Time) bool {
	return slices.Contains(c[3], int(at.Month())) &&
		(c[2] == nil || slices.Contains(c[2], at.Day())) &&
		(c[4] == nil || slices.Contains(c[4], int(at.Weekday())+1))
}
