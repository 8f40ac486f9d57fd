package step_test

import (
	"encoding/json"
	"testing"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

func TestReportReady(t *testing.T) {
	t.Parallel()
	r := at(t, "ReportReady")
	r.does("ReportReady", "Ready")
	o, ok := r.world.S3.Get(r.world.StateBucket, "status/mito.json")
	if !ok {
		t.Fatal("there is no status")
	}
	var status report.Status
	if err := json.Unmarshal(o.Body, &status); err != nil {
		t.Fatal(err)
	}
	if c := status.Condition(report.ConditionReady); c == nil || c.Status != "True" || c.Reason != "WorkspaceReady" {
		t.Errorf("the conditions are %+v", status.Conditions)
	}
	same(t, "VPC", []string{r.id("EnsureVpc")}, status.Objects["vpc"])
	events := r.world.Events.Events(plan.EventBusName)
	last := events[len(events)-1]
	same(t, "event", report.Ready, last.DetailType)
	// A further run finds everything and says so.
	r.revise("ReportReady")
	r.does("ReportReady", "Ready")
	var again struct{ Changed []string }
	r.result("ReportReady", &again)
	if len(again.Changed) > 0 {
		t.Errorf("it says it changed %v", again.Changed)
	}
}
