package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ScheduledTime is what EventBridge Scheduler replaces by the time that an
// invocation was due, which is the same in every attempt.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
const ScheduledTime = "<aws.scheduler.scheduled-time>"

// Schedules returns the schedules that wake functions. What they do does not
// depend on how often: an operator may choose that.
func Schedules() []Schedule {
	return []Schedule{
		{
			Name:       "Survey",
			Doc:        "Looks at every spec and every workspace, for what no event has told of.",
			Expression: "rate(1 day)", Window: time.Hour,
			Target: survey.Name, Input: `{"time": "` + ScheduledTime + `"}`,
			MaxAge: 6 * time.Hour, MaxAttempts: 20,
		},
	}
}

// weekdays as cron expressions of EventBridge number them, from 1.
var weekdays = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// Interval returns the longest time between two occurrences of an expression.
// It is false for a cron that does not come round every week, such as the first
// day of a month.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
func Interval(expression string) (time.Duration, bool) {
	var n int
	var unit string
	if _, err := fmt.Sscanf(strings.Trim(strings.TrimPrefix(expression, "rate"), "()"), "%d %s", &n, &unit); err == nil && strings.HasPrefix(expression, "rate(") {
		of := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(unit, "s")]
		return time.Duration(n) * of, n > 0 && of > 0
	}
	fields := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(expression, "cron("), ")"))
	if !strings.HasPrefix(expression, "cron(") || len(fields) != 6 || !every(fields[2]) || fields[3] != "*" || fields[5] != "*" {
		return 0, false
	}
	days, ok := daysOf(fields[4])
	if !ok {
		return 0, false
	}
	longest, last := 0, days[len(days)-1]-len(weekdays)
	for _, day := range days {
		longest, last = max(longest, day-last), day
	}
	return time.Duration(longest) * 24 * time.Hour, true
}

func every(field string) bool { return field == "*" || field == "?" }

// daysOf are the days of the week that a field of a cron expression means, from 1
// to 7 and sorted.
func daysOf(field string) ([]int, bool) {
	if every(field) {
		field = "1-7"
	}
	var days []int
	for part := range strings.SplitSeq(field, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, ok := dayOf(from)
		last := first
		if isRange && ok {
			last, ok = dayOf(to)
		}
		if !ok || last < first {
			return nil, false
		}
		for day := first; day <= last; day++ {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	return days, true
}

func dayOf(text string) (int, bool) {
	if i := slices.Index(weekdays, strings.ToUpper(text)); i >= 0 {
		return i + 1, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= len(weekdays)
}
