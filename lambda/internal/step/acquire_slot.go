package step

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/slot"
)

const (
	// perPlace is how long a place in line takes at the least: looking earlier
	// shows nothing.
	perPlace = 2 * time.Second
	// longestPause is how late a wait for a turn or a slot can see that a newer
	// revision has come.
	longestPause = 10 * time.Minute
	// longestDetour is how long one waits that others were faster than. When many
	// come at once each takes another time, or they would meet again.
	longestDetour = time.Minute
)

// acquireSlot waits until the services have room for one more: first for a turn,
// by what the execution will ask of those that are asked by all of them, then, if
// it is expected to change anything, for a slot of the Databricks account. An
// execution that is redriven has given its slot back and goes on without one.
func acquireSlot(ctx context.Context, d *Deps, doc *document.Document) (*document.Slot, error) {
	out := &document.Slot{}
	var previous *document.Wait
	if doc.Slot != nil {
		previous, out.Turn = &doc.Slot.Wait, doc.Slot.Turn
	}
	switch {
	case doc.Retirement != nil && !doc.Retirement.Delete:
		out.Wait, out.Outcome = d.wait(previous, true, pace{}), skipped("nothing is deleted")
		return out, nil
	case doc.Mode == document.Verify && !settled(doc):
		out.Wait, out.Outcome = d.wait(previous, true, pace{}), skipped("nothing is compared")
		return out, nil
	}
	ahead, err := d.takeTurn(ctx, doc, out)
	now := d.Now()
	var reason string
	var p pace
	switch left := out.Turn.Sub(now); {
	case slot.IsOvertaken(err):
		reason, p = "others were faster", pace{shortest: detour(doc, now)}
	case err != nil:
		return nil, fmt.Errorf("taking a slot for %s: %w", doc.Workspace, err)
	case left > 0:
		reason, p = "its turn is at "+out.Turn.Format(time.TimeOnly), pace{shortest: min(left, longestPause)}
	case ahead > 0:
		reason = fmt.Sprintf("%d stand before it", ahead)
		p = pace{shortest: min(max(10*time.Second, time.Duration(ahead)*perPlace), longestPause), share: 0.02}
	}
	out.Wait = d.wait(previous, reason == "", p)
	switch {
	case out.Ready && out.Held:
		reason = "there is room"
	case out.Ready:
		reason = "the spec is the one that was verified last, and needs no slot"
	}
	out.Outcome = outcomeOf(out.Wait, reason)
	return out, late("AcquireSlot", out.Wait, "a slot for "+doc.Workspace, reason)
}

// takeTurn books a turn if there is none yet, and takes a slot when it has come.
func (d *Deps) takeTurn(ctx context.Context, doc *document.Document, out *document.Slot) (ahead int, err error) {
	if out.Turn.IsZero() {
		takes, err := d.takes(ctx, doc)
		if err != nil {
			return 0, err
		}
		turn, err := d.Slots.Book(ctx, takes)
		if err != nil {
			return 0, err
		}
		out.Turn = turn
	}
	if out.Turn.After(d.Now()) || settled(doc) {
		return 0, nil
	}
	ahead, err = d.Slots.Take(ctx, doc.Spec.Databricks.AccountID, doc.Execution.ARN, d.running)
	out.Held = err == nil && ahead == 0
	return ahead, err
}

// settled says that the spec is the one that was verified last, so that nothing
// is expected to change.
func settled(doc *document.Document) bool {
	last := doc.Lease.Verified
	return doc.Retirement == nil && last != nil && last.SpecDigest == doc.Digest
}

// comparing is how long the account API of Databricks needs to serve one look at
// all that a workspace is made of: at most 15 calls, at the 15 per second that
// its own client allows itself.
const comparing = time.Second

// takes is what an execution asks of the services, as the time that they need to
// serve it. Of endpoints that exist at most one is expected to change.
func (d *Deps) takes(ctx context.Context, doc *document.Document) (map[string]time.Duration, error) {
	takes := map[string]time.Duration{}
	if d.EndpointsPerSecond <= 0 {
		return takes, nil
	}
	takes[doc.Spec.Databricks.AccountID] = comparing
	if settled(doc) {
		return takes, nil
	}
	endpoints := 1
	if doc.Retirement == nil {
		record, err := d.Records.Read(ctx, doc.Workspace)
		if err != nil {
			return nil, err
		}
		if record.Applied == nil {
			endpoints = max(1, endpointsToMake(doc))
		}
	}
	takes[doc.Spec.AWS.AccountID+"/"+doc.Spec.Region] = time.Duration(float64(endpoints) / d.EndpointsPerSecond * float64(time.Second))
	return takes, nil
}

// endpointsToMake counts the endpoints that the spec does not give.
func endpointsToMake(doc *document.Document) int {
	network, link := doc.Spec.Network.Endpoints, doc.Spec.PrivateLink
	ids := []string{network.S3.ID, network.STS.ID, network.Kinesis.ID, link.WorkspaceEndpoint.ID, link.RelayEndpoint.ID}
	if glue := doc.Spec.Metastore.Glue; glue != nil {
		ids = append(ids, glue.Endpoint.ID)
	}
	if link.FrontEnd != nil {
		ids = append(ids, link.FrontEnd.ID)
	}
	n := 0
	for _, id := range ids {
		if id == "" {
			n++
		}
	}
	return n
}

func detour(doc *document.Document, now time.Time) time.Duration {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, doc.Execution.ARN, now.UnixNano())
	return time.Second + time.Duration(h.Sum64()%uint64(longestDetour))
}
