package step

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// compare says how the world differs from what was applied, and goes on only to
// mend it.
func (d *Deps) compare(ctx context.Context, doc *document.Document) (*document.Plan, error) {
	changes, rehearsed, refused := d.Preview(ctx, doc)
	changes, err := planOf(changes, refused)
	if err != nil {
		return nil, err
	}
	status, err := d.Statuses.Read(ctx, doc.Workspace)
	if err != nil {
		return nil, err
	}
	deviations, err := deviationsOf(changes, rehearsed, status.Objects)
	if err != nil {
		return nil, err
	}
	// Of a place that is gone there is nothing to check.
	if refused == nil && placed(rehearsed) {
		checked, err := d.checkDrift(ctx, rehearsed)
		if err != nil {
			return nil, err
		}
		deviations = append(deviations, checked...)
	}
	drift := &report.Drift{Workspace: doc.Workspace, Revision: doc.Revision.String(), Time: d.Now().UTC(), Deviations: deviations}
	// What only checks have found is not for any step to mend, and a workspace moves
	// into another network only when an author has pushed that.
	drift.Repair = doc.Spec.Drift == spec.Repair && refused == nil && len(wanted(changes)) > 0 && !moves(rehearsed)
	out := &document.Plan{Leave: !drift.Repair, Changes: wanted(changes)}
	if err := d.reportDrift(ctx, doc, status, drift); err != nil {
		return nil, err
	}
	if len(deviations) == 0 {
		out.Outcome = document.Outcome{Outcome: document.Verified, Reason: "everything is as the spec wants it"}
	} else {
		out.Outcome = document.Outcome{Outcome: document.Drifted, Reason: drift.Message()}
		for _, v := range drift.Deviations[:min(len(deviations), maxDifferences)] {
			out.Differences = append(out.Differences, document.Difference(v.Difference))
		}
	}
	if drift.Repair {
		return out, d.attempting(ctx, doc, nil)
	}
	return out, d.release(ctx, doc)
}

// placed says whether VPC and subnets of a rehearsed document exist.
func placed(doc *document.Document) bool {
	return !awsapi.IsNew(doc.VPC.ID) && !slices.ContainsFunc(doc.Subnets.All(), func(s document.Subnet) bool { return awsapi.IsNew(s.ID) })
}

// moves says whether a rehearsed document has the workspace in another network.
func moves(doc *document.Document) bool { return doc.Network.Mover != nil }

// maxDifferences bounds those in the document and in an event; the page has all.
const maxDifferences = 50

// reportDrift writes what was found, and tells people what they were not told
// before.
func (d *Deps) reportDrift(ctx context.Context, doc *document.Document, status *report.Status, drift *report.Drift) error {
	before, err := d.Evidence.Drift(ctx, doc.Workspace)
	if err != nil {
		return err
	}
	if len(drift.Deviations) > 0 {
		d.attribute(ctx, doc, drift.Deviations)
	}
	// It is told before it is noted as told, and what was mended since is told again.
	if len(drift.Deviations) > 0 && (drift.Repair || !drift.Same(before)) {
		data := report.DriftedData{Drift: *drift, Message: drift.Message(), Key: drift.Key()}
		data.Deviations = data.Deviations[:min(len(data.Deviations), maxDifferences)]
		if err := d.Publisher.Publish(ctx, report.Drifted, "drifted", subject(doc), data); err != nil {
			return err
		}
	}
	if len(drift.Deviations) == 0 && status.Condition(report.ConditionDrifted) != nil {
		if err := d.reportMended(ctx, doc, status); err != nil {
			return err
		}
	}
	if err := d.Evidence.WriteDrift(ctx, drift); err != nil {
		return err
	}
	conditions := slices.DeleteFunc(slices.Clone(status.Conditions), func(c report.Condition) bool { return c.Type == report.ConditionDrifted })
	if len(drift.Deviations) > 0 {
		conditions = append(conditions, report.Condition{
			Type: report.ConditionDrifted, Status: "True", Reason: "WorldDiffers", Message: drift.Message(),
		})
	}
	if len(conditions) != len(status.Conditions) || len(drift.Deviations) > 0 {
		status.Set(d.Now(), conditions...)
		return d.Statuses.Write(ctx, status)
	}
	return nil
}

// reportMended tells that what differed does so no more, though no execution has
// mended it.
func (d *Deps) reportMended(ctx context.Context, doc *document.Document, status *report.Status) error {
	last := doc.Lease.Verified
	return d.Publisher.Publish(ctx, report.Ready, "ready", subject(doc), report.ReadyData{
		URL: status.URL, Changed: []string{}, Objects: status.Objects, Settled: true, Recovered: true,
		DurationSeconds: int(d.Now().Sub(doc.Execution.StartTime).Seconds()), Report: last.Report, ReportDigest: last.Digest,
	})
}

// deviationsOf are the changes of a plan for what was as the spec wanted it.
func deviationsOf(changes []document.PlannedChange, rehearsed *document.Document, objects map[string][]string) ([]report.Deviation, error) {
	results, err := membersOf(rehearsed)
	if err != nil {
		return nil, err
	}
	var out []report.Deviation
	for _, c := range wanted(changes) {
		differences := c.Differences
		if c.Action == document.Create {
			key := resultOf(c.Step)
			for _, id := range objects[key] {
				if !strings.Contains(string(results[key]), id) {
					differences = append(differences, document.Difference{Object: nameOfObject(c.Step) + " " + id, ID: id, Field: "existence", Found: "missing", Wanted: "present"})
				}
			}
		}
		if len(differences) == 0 {
			differences = []document.Difference{{Object: c.Object, Field: strings.ToLower(c.Action), Found: c.Reason}}
		}
		for _, one := range differences {
			out = append(out, report.Deviation{Difference: report.Difference(one), Step: c.Step})
		}
	}
	return out, nil
}

// nameOfObject is the step's name without its verb, which is that of its object.
func nameOfObject(step string) string {
	return step[1+strings.IndexFunc(step[1:], unicode.IsUpper):]
}

// resultOf is the key of the document under which a step puts its result.
func resultOf(step string) string {
	for _, s := range plan.Workspace().Steps() {
		if s.Name == step {
			return s.Result
		}
	}
	return ""
}

// checkDrift are the checks of the network that need no compute, and have failed.
func (d *Deps) checkDrift(ctx context.Context, doc *document.Document) ([]report.Deviation, error) {
	var out []report.Deviation
	for _, section := range []struct {
		step  string
		check func(context.Context, *Deps, *document.Document, *proof) error
	}{{"VerifyNetwork", checkNetwork}, {"VerifyIsolation", checkWaysOut}} {
		p := d.newProof()
		if err := section.check(ctx, d, doc, p); err != nil {
			return nil, err
		}
		for _, c := range p.checks {
			if c.Result == document.Failed {
				out = append(out, report.Deviation{Step: section.step, Difference: report.Difference{
					Object: c.Object, ID: c.Object, Field: c.ID, Found: brief(c.Seen), Wanted: c.What,
				}})
			}
		}
	}
	return out, nil
}

// maxLookups bounds the objects whose history is looked up: CloudTrail answers
// two such questions a second.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
const maxLookups = 20

// attribute notes who made objects differ. What CloudTrail does not know or does
// not say fails nothing: it is minutes behind, and may be asked too often.
func (d *Deps) attribute(ctx context.Context, doc *document.Document, deviations []report.Deviation) {
	known := map[string]*report.Hand{}
	for i, v := range deviations {
		if v.ID == "" {
			continue
		}
		hand, asked := known[v.ID]
		if !asked && len(known) < maxLookups {
			var err error
			if hand, err = lastHand(ctx, d.AWS.Trail(trailRegion(v.Object, doc.Spec.Region)), v.ID, doc.Lease.Verified.Time); err != nil {
				return
			}
			known[v.ID] = hand
		}
		deviations[i].By = hand
	}
}

// trailRegion is where CloudTrail keeps the events about an object: those of
// global services are in one region only.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html
func trailRegion(object, region string) string {
	for _, global := range []string{"role ", "instance profile ", "hosted zone "} {
		if strings.HasPrefix(object, global) {
			return "us-east-1"
		}
	}
	return region
}

// lastHand is the last call since a time that changed an object and was not one
// of ours; nil if none is known.
func lastHand(ctx context.Context, api awsapi.Trail, id string, since time.Time) (*report.Hand, error) {
	out, err := api.LookupEvents(ctx, &cloudtrail.LookupEventsInput{
		StartTime:        aws.Time(since),
		LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyResourceName, AttributeValue: aws.String(id)}},
	})
	if err != nil {
		return nil, err
	}
	var last *report.Hand
	for _, e := range out.Events {
		hand, err := handOf(e)
		if err != nil {
			return nil, err
		}
		if hand != nil && (last == nil || hand.Time.After(last.Time)) {
			last = hand
		}
	}
	return last, nil
}

// handOf reads an event; nil if it changed nothing or was ours.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
func handOf(e types.Event) (*report.Hand, error) {
	var record struct {
		EventSource  string `json:"eventSource"`
		EventName    string `json:"eventName"`
		ErrorCode    string `json:"errorCode"`
		ReadOnly     bool   `json:"readOnly"`
		UserIdentity struct {
			ARN string `json:"arn"`
		} `json:"userIdentity"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &record); err != nil {
		return nil, errors.New("decoding an event of CloudTrail: it is no JSON")
	}
	who := record.UserIdentity.ARN
	if who == "" {
		who = aws.ToString(e.Username)
	}
	// The session of a function has its name, and that of a role of another
	// account the execution's after the same prefix.
	if record.ReadOnly || record.ErrorCode != "" || strings.HasPrefix(who[strings.LastIndex(who, "/")+1:], plan.FunctionPrefix) {
		return nil, nil
	}
	service, _, _ := strings.Cut(record.EventSource, ".")
	return &report.Hand{Who: who, Call: service + ":" + record.EventName, Time: aws.ToTime(e.EventTime).UTC()}, nil
}
