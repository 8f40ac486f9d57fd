package plan_test

import (
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"lakegate/lambda/plan"
)

func TestInterval(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for expression, want := range map[string]time.Duration{
		"rate(1 day)": day, "rate(10 minutes)": 10 * time.Minute, "rate(12 hours)": 12 * time.Hour,
		"cron(0 6 * * ? *)": day, "cron(0/10 * ? * * *)": day, "cron(0 6 ? * MON-FRI *)": 3 * day,
		"cron(0 6 ? * MON *)": 7 * day, "cron(0 6 ? * 2,5 *)": 4 * day, "cron(0 6 ? * FRI,mon *)": 4 * day,
		// These do not come round every week, or not as this function can tell.
		"cron(0 6 1 * ? *)": 0, "cron(0 6 * JAN ? *)": 0, "cron(0 6 ? * 2#1 *)": 0, "cron(0 6 ? * 9 *)": 0, "cron(0 6 ? * FRI-MON *)": 0,
		"cron(0 6 * * ? 2027)": 0, "rate(0 days)": 0, "rate(1 week)": 0, "at(2027-01-01T00:00:00)": 0, "": 0,
	} {
		if got, ok := plan.Interval(expression); got != want || ok != (want > 0) {
			t.Errorf("%q: %s, %t, want %s", expression, got, ok, want)
		}
	}
}

// Every alarm watches a metric under dimensions that it has, and says what to do.
func TestAlarms(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, a := range plan.Alarms() {
		if names[a.Name] {
			t.Errorf("there are two alarms %s", a.Name)
		}
		names[a.Name] = true
		keys := []string{}
		for key := range a.Values {
			keys = append(keys, key)
		}
		if !slices.ContainsFunc(a.Metric.Dimensions, func(set []string) bool { return slices.Equal(set, keys) }) {
			t.Errorf("alarm %s: metric %s has no dimensions %v", a.Name, a.Metric.Name, keys)
		}
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		if n := utf8.RuneCountInString(a.Doc); n == 0 || n > 1024 {
			t.Errorf("alarm %s has a description of %d characters", a.Name, n)
		}
	}
	for _, f := range plan.Functions() {
		// What a product was not told is a dead letter.
		if f.Product != "" {
			continue
		}
		if !names[f.Name+"Failed"] {
			t.Errorf("no alarm tells when %s fails", f.Name)
		}
	}
}
