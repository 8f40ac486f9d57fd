package plan

import "time"

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
