package page

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/plan"
)

// Kinds of reports.
const (
	verification = "verification"
	planned      = "plan"
	drift        = "drift"
)

// kept is a report in the state bucket.
type kept struct {
	Kind      string    `json:"kind"`
	Workspace string    `json:"workspace"`
	Key       string    `json:"key"`
	Time      time.Time `json:"time"`
	// Version changes when the report is written again.
	Version string `json:"version"`
}

// reports lists those in the state bucket, the newest first.
func (p *page) reports() []kept {
	out := []kept{}
	for prefix, kind := range map[string]string{plan.ReportPrefix: verification, plan.PlanPrefix: planned, plan.DriftPrefix: drift} {
		for _, key := range p.world.S3.Keys(p.world.StateBucket, prefix) {
			name, ok := strings.CutSuffix(strings.TrimPrefix(key, prefix), ".json")
			if !ok {
				continue
			}
			workspace, file, nested := strings.Cut(name, "/")
			// What single steps have checked is in the same folder.
			if nested != (kind == verification) || nested && !strings.HasSuffix(file, "/verification") {
				continue
			}
			if o, ok := p.world.S3.Get(p.world.StateBucket, key); ok {
				out = append(out, kept{kind, workspace, key, o.Modified, o.VersionID})
			}
		}
	}
	slices.SortFunc(out, func(a, b kept) int {
		if c := b.Time.Compare(a.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out
}

// report answers with a report of the list, and with nothing else of the bucket.
func (p *page) report(r *http.Request) (any, error) {
	key := r.FormValue("key")
	if slices.ContainsFunc(p.reports(), func(k kept) bool { return k.Key == key }) {
		if o, ok := p.world.S3.Get(p.world.StateBucket, key); ok {
			return json.RawMessage(o.Body), nil
		}
	}
	return nil, unknown("the report " + key)
}
